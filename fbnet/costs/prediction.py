"""How well a latency table predicts whole nets: nets of the space, predicted and measured."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fbnet.costs.timing import cpu_model
from fbnet.engines import ENGINES
from fbnet.params import SpaceParams


def sampled_choices(space: SpaceParams, count: int, seed: int) -> list[tuple[str, ...]]:
    """`count` architectures of the space, every block equally likely, drawn from `seed`."""
    draws = np.random.default_rng(seed)
    return [tuple(str(draws.choice(ops)) for ops in space.layer_ops) for _ in range(count)]


@dataclass(frozen=True)
class Setting:
    """How a net was run when it was timed: engine's name, threads, faces in a call."""

    engine: str
    threads: int
    batch: int


def setting(table: dict[str, Any]) -> Setting | None:
    """How nets have to be run here to compare with a latency table (`results/lut/latency.json`).

    None for a table that was not made on this processor, or does not say how: a device's.
    """
    protocol = table.get("protocol", {})
    known = table.get("engine") in ENGINES and "threads" in protocol
    if not known or table.get("cpu") != cpu_model():
        return None
    return Setting(table["engine"], protocol["threads"], protocol.get("batch", 1))


def references(table: dict[str, Any]) -> dict[tuple[str, ...], float]:
    """The whole nets that a table was anchored on, by choice: their latency then, in ms."""
    return {tuple(net["choice"]): net["median"] for net in table["fixed"].get("references", [])}


def drift(then: Mapping[tuple[str, ...], float], now: Mapping[tuple[str, ...], float]) -> float:
    """By what factor the machine became slower: mean over the nets timed both times, else 1."""
    ratios = [now[choice] / then[choice] for choice in then if choice in now]
    return float(np.mean(ratios)) if ratios else 1.0


@dataclass(frozen=True)
class Agreement:
    """Prediction against measurement over several nets.

    mape: mean of |predicted - measured| / measured. r2: share of the measured variance that the
    prediction explains, below 0 where their mean would do better. spearman: rank correlation,
    -1..1. r2 is None where all measurements are equal, spearman also where all predictions are.
    """

    mape: float
    r2: float | None
    spearman: float | None

    def metrics(self) -> dict[str, float]:
        """Those there are, as metrics.json holds them."""
        found = {f"prediction_{name}": value for name, value in asdict(self).items()}
        return {name: value for name, value in found.items() if value is not None}

    def warning(self, mape: float, spearman: float) -> str:
        """What is wrong with the table in one line, or nothing: limits of mape and of spearman."""
        faults = []
        if self.mape > mape:
            faults.append(f"its sums are off by {self.mape:.0%} on average (limit {mape:.0%})")
        if self.spearman is not None and self.spearman < spearman:
            faults.append(f"it orders nets wrongly (Spearman {self.spearman:.2f} < {spearman:g})")
        if not faults:
            return ""
        return f"the latency table PREDICTS BADLY: {' and '.join(faults)}; measure it again"


def agreement(predicted: Sequence[float], measured: Sequence[float]) -> Agreement:
    """Compare latencies of the same nets, at least one, in one unit."""
    from scipy.stats import spearmanr

    p, m = np.asarray(predicted, np.float64), np.asarray(measured, np.float64)
    spread = float(((m - m.mean()) ** 2).sum())
    r2 = 1 - float(((m - p) ** 2).sum()) / spread if spread > 0 else None
    ranked = len(np.unique(p)) > 1 and len(np.unique(m)) > 1
    rank = float(spearmanr(p, m).statistic) if ranked else None
    return Agreement(float(np.mean(np.abs(p - m) / m)), r2, rank)
