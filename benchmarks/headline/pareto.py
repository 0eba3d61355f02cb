"""Do searched nets beat random members of their space? Read from the ranking benchmark's results.

That benchmark trains both kinds from scratch under one recipe (its step `front`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.ranking.front import best_so_far
from fbnet.files import read_json

FRONT = Path(__file__).parents[1] / "ranking/results/front.json"


@dataclass(frozen=True)
class Comparison:
    """Random members against the front of the searched nets.

    leads: how far the test NME of each member lies below that of the searched net that is best on
    validation among those that cost no more; negative where it lies above. cheaper: members
    cheaper than every searched net; of them the front says nothing. spread: standard deviation of
    such a difference between seeds.
    """

    searched: int
    leads: tuple[float, ...]
    cheaper: int
    spread: float

    @property
    def better(self) -> int:
        """Members that lie below the front."""
        return sum(lead > 0 for lead in self.leads)

    @property
    def clearly_better(self) -> int:
        """Members that lie below the front by more than the spread."""
        return sum(lead > self.spread for lead in self.leads)


def compare(found: Mapping[str, Any]) -> Comparison:
    """Hold the members against the front; `found` is what the step `front` left."""
    searched, members = found["searched"], found["sampled"]
    front = best_so_far(searched)
    inside = [member for member in members if member["macs"] >= front[0]["macs"]]
    best = [[p for p in front if p["macs"] <= member["macs"]][-1] for member in inside]
    pairs = zip(best, inside, strict=True)
    leads = tuple(net["test_nme"] - member["test_nme"] for net, member in pairs)
    return Comparison(len(searched), leads, len(members) - len(inside), found["seed_spread"])


def ranking(file: Path = FRONT) -> Comparison | None:
    """The comparison; None before it was made."""
    return compare(read_json(file)) if file.exists() else None
