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
    count = len(first)
    if count < 3:
        raise ValueError(f"{count} pairs have no rank correlation to speak of")
    taus = tau_draws(first, second, np.random.default_rng([seed, 9]), resamples)
    tail = 50 * (1 - confidence)
    low, high = np.nanpercentile(taus[1:], [tail, 100 - tail])
    return Tau(float(taus[0]), float(low), float(high))


def tau_draws(
    first: Sequence[float], second: Sequence[float], rng: np.random.Generator, resamples: int
) -> np.ndarray:
    """Tau-b of n pairs, then of n of them drawn with replacement: [1 + resamples].

    NaN where one of the rankings is constant. All at once: a pair that was drawn twice counts twice
    against every other, and is a tie with itself.
    """
    one, other = (
        np.sign(np.subtract.outer(values, values))
        for values in (np.asarray(first, np.float64), np.asarray(second, np.float64))
    )
    count = len(first)
    drawn = [np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(resamples)]
    times = np.array([np.ones(count), *drawn])
    agreed, untied, untied_other = (
        ((times @ pairs) * times).sum(axis=1) for pairs in (one * other, abs(one), abs(other))
    )
    with np.errstate(invalid="ignore"):
        taus: np.ndarray = np.round(agreed / np.sqrt(untied * untied_other), DIGITS)
    return taus


def partial(first: np.ndarray, second: np.ndarray, between: np.ndarray) -> np.ndarray:
    """Kendall's partial tau of a ranking with the truth, given a third one.

    first: tau of the ranking with the truth; second: of the third with the truth; between: of the
    ranking with the third. NaN where the third one is the ranking itself or the truth.
    """
    rest = (1 - second**2) * (1 - between**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        given: np.ndarray = (first - second * between) / np.sqrt(rest)
    return given


def seed_spread(pairs: Sequence[Sequence[float]]) -> float:
    """Standard deviation of one training, pooled over architectures trained with two seeds each.

    It is also that of the difference between two architectures' means of two.
    """
    differences = np.diff(np.array(pairs, dtype=np.float64), axis=1)
    return float(np.sqrt((differences**2).mean() / 2))
