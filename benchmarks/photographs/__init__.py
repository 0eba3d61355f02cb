"""What rendered faces bring to a net that then learns from few photographs.

This module is the benchmark as data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.core import ROOT
from benchmarks.nas_table import AUGMENT

RENDERED, SCRATCH = "rendered", "scratch"
SUBNET = ROOT / "fbnet/pretrained/subnet_68.safetensors"
"""The shipped net of 68 points, trained on rendered faces alone; both starts are of its blocks."""
ARCHITECTURE = ROOT / "fbnet/pretrained/architecture_68.json"

RETRAIN: Mapping[str, Any] = {
    "epochs": 120, "min_steps": 600, "warmup_epochs": 2.0, "batch": 64, "optimizer": "adamw",
    "weight_decay": 0.01, "ema": 0.99, "loss": "soft_wing", "augment": True, "start": "mean_face",
    "validate_every": 10_000,
}  # fmt: skip
"""How a net is trained, whatever it starts from: the last epoch counts, so no face picks one."""


@dataclass(frozen=True)
class Plan:
    """What is trained on how many photographs."""

    starts: Mapping[str, Path | None] = field(
        default_factory=lambda: {RENDERED: SUBNET, SCRATCH: None}
    )
    """Start -> its weights, None for fresh ones."""
    architecture: Path = ARCHITECTURE
    counts: tuple[int | None, ...] = (10, 50, 200, None)
    """Photographs to learn from, a tenth of them for validation; None for all of four folds."""
    draws: int = 5
    """Trainings of each count: draw k learns from other folds' photographs and is tested on fold k
    of five, the folds of `benchmarks.headline`."""
    rates: Mapping[tuple[str, int | None], tuple[float, ...]] = field(
        default_factory=lambda: {
            (RENDERED, None): (0.002, 0.004, 0.008, 0.016),
            (RENDERED, 10): (0.0005, 0.002, 0.008),
            (RENDERED, 50): (0.0005, 0.002, 0.008),
            (SCRATCH, None): (0.002, 0.004, 0.008, 0.016),
        }
    )
    """Learning rates tried for a start and a count, in its first draw; other counts take the rate
    of all photographs. Those that are neither learned from nor tested choose."""
    retrain: Mapping[str, Any] = field(default_factory=lambda: RETRAIN)
    trial_epochs: int = 60
    """Length of a trial of a rate."""
    augment: Mapping[str, Any] = field(default_factory=lambda: AUGMENT)


PLAN = Plan()
