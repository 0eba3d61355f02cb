"""Which search finds the best net of a band for its compute? Asked of the table of trained nets.

This module is the comparison as data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.ranking import SEARCH

SUPERNETS: Mapping[str, Mapping[str, Any]] = {
    "before": dict(SEARCH),
    "after": {"cost": "macs"},
    "fair": {"cost": "macs", "warmup": "fair"},
    "few_path": {"cost": "macs", "sampling": "few_path"},
}
"""Searches whose supernets are judged, as changes of `search`'s defaults; `before` is whole."""


@dataclass(frozen=True)
class Plan:
    """What is compared, and how often."""

    compute: tuple[int, ...] = (75, 150, 300, 600, 1200, 2400)
    """Core-seconds that a search in one band may take."""
    default: int = 300
    """Those of the table of figures: about what the default's search takes."""
    repeats: int = 10
    """Searches of each kind; a repeat sees validation NMEs of one of the table's seeds, and the
    test NMEs of the other one judge it."""
    supernets: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: SUPERNETS)
    supernet_seeds: tuple[int, ...] = (1, 2, 3)
    resamples: int = 300
    """Bootstrap draws over the nets of a band, for the intervals of tau."""
    fewest: int = 10
    """Nets with two seeds below which a band is left out."""


PLAN = Plan()
