"""Rank correlation with its interval, and the spread between seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau

from benchmarks.ranking.params import VerdictParams

DIGITS = 12


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
    draws = (pairs[:, rng.integers(0, count, count)] for _ in range(params.resamples))
    taus = [_tau_b(*drawn) for drawn in draws]
    tail = 50 * (1 - params.confidence)
    low, high = np.nanpercentile(taus, [tail, 100 - tail])
    return Tau(_tau_b(*pairs), float(low), float(high))


def _tau_b(first: np.ndarray, second: np.ndarray) -> float:
    """Tau-b without its last digits, which hang on the platform; NaN where one is constant."""
    return round(float(kendalltau(first, second).statistic), DIGITS)


def seed_spread(pairs: Sequence[Sequence[float]]) -> float:
    """Standard deviation of one training, pooled over architectures trained with two seeds each.

    It is also that of the difference between two architectures' means of two.
    """
    differences = np.diff(np.array(pairs, dtype=np.float64), axis=1)
    return float(np.sqrt((differences**2).mean() / 2))
