"""Do searched nets beat random members of their space? Read from the ranking benchmark's results.

That benchmark trains both kinds from scratch under one recipe; its files are all that is used here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from fbnet.files import read_json

RANKING = Path(__file__).parents[1] / "ranking/results"
SEARCHES = "seed_*.json"
"""Searches as the project does them; the others there are ablations."""


@dataclass(frozen=True)
class Point:
    """A trained architecture: cost in MACs, and test NME as a mean over its seeds."""

    macs: float
    nme: float


@dataclass(frozen=True)
class Comparison:
    """Random members against the front of the searched nets.

    gaps: relative NME of each member above the best searched net that costs no more; negative
    where the member is better. outside: members that cost less, or more, than every searched net;
    of them the front says nothing.
    """

    searched: int
    gaps: tuple[float, ...]
    outside: int

    @property
    def better(self) -> int:
        """Members that lie below the front."""
        return sum(gap < 0 for gap in self.gaps)


def compare(searched: Iterable[Point], members: Iterable[Point]) -> Comparison:
    """Hold members against the front of `searched`."""
    found, everyone = list(searched), list(members)
    ends = [end(point.macs for point in found) for end in (min, max)]
    inside = [member for member in everyone if ends[0] <= member.macs <= ends[1]]
    best = [min(p.nme for p in found if p.macs <= member.macs) for member in inside]
    gaps = tuple(member.nme / nme - 1 for member, nme in zip(inside, best, strict=True))
    return Comparison(len(found), gaps, len(everyone) - len(inside))


def ranking(folder: Path = RANKING) -> Comparison | None:
    """The comparison as far as the ranking benchmark has come; None before it has both kinds."""
    sample = folder / "architectures.json"
    members = _choices(read_json(sample)) if sample.exists() else []
    searched = _choices(read_json(f)["choice"] for f in sorted(folder.glob(f"searches/{SEARCHES}")))
    trained = _trained(read_json(file) for file in sorted(folder.glob("trainings/*.json")))
    kinds = [[trained[c] for c in kind if c in trained] for kind in (searched, members)]
    return compare(*kinds) if all(kinds) else None


def _choices(found: Iterable[Any]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(tuple(choice) for choice in found))


def _trained(records: Iterable[dict[str, Any]]) -> dict[tuple[str, ...], Point]:
    """By architecture; of the recipe that most trainings follow, the one from scratch."""
    by_recipe: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        by_recipe.setdefault(record["recipe"], []).append(record)
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for record in max(by_recipe.values(), key=len, default=[]):
        groups.setdefault(tuple(record["choice"]), []).append(record)
    return {
        choice: Point(group[0]["macs"], fmean(record["test_nme"] for record in group))
        for choice, group in groups.items()
    }
