"""Rank correlation with its interval, and the spread between seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DIGITS = 12
"""Of tau; further ones depend on the platform."""


@dataclass(frozen=True)
class Tau:
    """Kendall's tau-b of two rankings and its bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """`0.61 [0.35, 0.79]`."""
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def kendall(
    first: Sequence[float],
    second: Sequence[float],
    seed: int = 0,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> Tau:
    """Tau of the paired figures [n], its percentile interval by resampling the n pairs.

    A resample holds some pairs twice; they are ties in both rankings, which tau-b leaves out.
    Raises ValueError for fewer than three pairs.
    """
    from scipy.stats import kendalltau

    def tau_b(pairs: np.ndarray) -> float:
        """NaN where one of the rankings is constant."""
        return round(float(kendalltau(*pairs).statistic), DIGITS)

    pairs = np.array([first, second], dtype=np.float64)
    count = pairs.shape[1]
    if count < 3:
        raise ValueError(f"{count} pairs have no rank correlation to speak of")
    rng = np.random.default_rng([seed, 9])
    taus = [tau_b(pairs[:, rng.integers(0, count, count)]) for _ in range(resamples)]
    tail = 50 * (1 - confidence)
    low, high = np.nanpercentile(taus, [tail, 100 - tail])
    return Tau(tau_b(pairs), float(low), float(high))


def seed_spread(pairs: Sequence[Sequence[float]]) -> float:
    """Standard deviation of one training, pooled over architectures trained with two seeds each.

    It is also that of the difference between two architectures' means of two.
    """
    differences = np.diff(np.array(pairs, dtype=np.float64), axis=1)
    return float(np.sqrt((differences**2).mean() / 2))
