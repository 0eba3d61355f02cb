"""What is known about each architecture that was trained alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from benchmarks.ranking.setting import Setting
from fbnet.costs.lut import cost_of
from fbnet.search.sampling import Choice


@dataclass(frozen=True)
class Entry:
    """An architecture, its costs, and its figures from one training a seed."""

    choice: Choice
    macs: float
    cost: float
    """Predicted by the table that the search goes by, in its unit."""
    val: tuple[float, ...]
    """Validation NME by seed, of the trainings that are done."""
    test: tuple[float, ...]
    inherited: float | None = None
    """Validation NME under the supernet's weights."""

    @property
    def error(self) -> float:
        """Validation NME, mean of the seeds."""
        return mean(self.val)


def entries(
    setting: Setting, choices: Sequence[Choice], inherited: dict[str, float] | None = None
) -> list[Entry]:
    """Those of the choices with a training at least, in the order given."""
    macs, lut = setting.lut("macs"), setting.lut()
    made = []
    for choice in choices:
        if done := trainings(setting, choice):
            val, test = (tuple(r[f"{split}_nme"] for r in done) for split in ("val", "test"))
            nme = (inherited or {}).get(" ".join(choice))
            made.append(Entry(choice, cost_of(macs, choice), cost_of(lut, choice), val, test, nme))
    return made


def trainings(setting: Setting, choice: Choice) -> list[dict[str, Any]]:
    """Results of the choice from scratch, by seed, as far as they are done."""
    found = (setting.ledger.job(choice, seed).result for seed in setting.ranking.recipe.seeds)
    return [result for result in found if result]
