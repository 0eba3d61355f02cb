"""Rank correlation with its interval, and the spread between seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.ranking.params import VerdictParams


@dataclass(frozen=True)
class Tau:
    """Kendall's tau-b of two rankings and its bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """`0.61 [0.35, 0.79]`."""
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def kendall(first: Sequence[float], second: Sequence[float], params: VerdictParams) -> Tau:
    """Tau of the paired figures [n], its percentile interval by resampling the n pairs.

    A resample holds some pairs twice; they are ties in both rankings, which tau-b leaves out.
    Raises ValueError for fewer than three pairs.
    """
    pairs = np.array([first, second], dtype=np.float64)
    count = pairs.shape[1]
    if count < 3:
        raise ValueError(f"{count} pairs have no rank correlation to speak of")
    rng = np.random.default_rng([params.seed, 9])
    taus = [tau_b(*pairs[:, rng.integers(0, count, count)]) for _ in range(params.resamples)]
    tail = 50 * (1 - params.confidence)
    low, high = np.nanpercentile(taus, [tail, 100 - tail])
    return Tau(tau_b(*pairs), float(low), float(high))


def tau_b(first: np.ndarray, second: np.ndarray) -> float:
    """Kendall's tau-b, O(n^2); NaN where one of them is constant."""
    i, j = np.triu_indices(len(first), 1)
    a, b = np.sign(first[i] - first[j]), np.sign(second[i] - second[j])
    untied = np.sqrt((a != 0).sum() * (b != 0).sum())
    return float((a * b).sum() / untied) if untied else float("nan")


def seed_spread(pairs: Sequence[Sequence[float]]) -> float:
    """Standard deviation of one training, pooled over architectures trained with two seeds each.

    It is also that of the difference between two architectures' means of two.
    """
    differences = np.diff(np.array(pairs, dtype=np.float64), axis=1)
    return float(np.sqrt((differences**2).mean() / 2))


def front(costs: Sequence[float], errors: Sequence[float]) -> list[int]:
    """Indices of the points that none beats in both figures, cheapest first."""
    kept: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: (costs[i], errors[i])):
        if not kept or errors[i] < errors[kept[-1]]:
            kept.append(i)
    return kept
