"""How well a latency table predicts whole nets: nets of the space, predicted and measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fbnet.deploy.timing import cpu_model
from fbnet.params.space import SpaceParams


def sampled_choices(space: SpaceParams, count: int, seed: int) -> list[tuple[str, ...]]:
    """`count` architectures of the space, every block equally likely, drawn from `seed`."""
    draws = np.random.default_rng(seed)
    return [tuple(str(draws.choice(ops)) for ops in space.layer_ops) for _ in range(count)]


def comparable(table: dict[str, Any], threads: int) -> bool:
    """Whether a latency table (`results/lut/latency.json`) holds for timings made here.

    A device's table does not, nor one made on another processor or with other threads.
    """
    here = {"engine": "onnxruntime", "cpu": cpu_model(), "threads": threads}
    there = {"threads": table.get("protocol", {}).get("threads")} | table
    return all(there.get(name) == value for name, value in here.items())


@dataclass(frozen=True)
class Agreement:
    """Prediction against measurement over several nets.

    mape: mean of |predicted - measured| / measured. spearman: rank correlation, -1..1; None where
    all predictions or all measurements are equal.
    """

    mape: float
    spearman: float | None


def agreement(predicted: Sequence[float], measured: Sequence[float]) -> Agreement:
    """Compare latencies of the same nets, at least one, in one unit."""
    from scipy.stats import spearmanr

    p, m = np.asarray(predicted, np.float64), np.asarray(measured, np.float64)
    ranked = len(np.unique(p)) > 1 and len(np.unique(m)) > 1
    rank = float(spearmanr(p, m).statistic) if ranked else None
    return Agreement(float(np.mean(np.abs(p - m) / m)), rank)
