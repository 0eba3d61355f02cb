"""Tau of ties, its interval, the spread between seeds."""

from functools import partial

import numpy as np
import pytest
from scipy.stats import kendalltau

from benchmarks.core import statistics
from benchmarks.core.statistics import seed_spread

kendall = partial(statistics.kendall, resamples=200)


def test_ties_count_half():
    """Tau-b by hand: 4 pairs agree, 1 differs, 1 is a tie in the first alone."""
    tau = kendall([1, 1, 2, 3], [1, 2, 4, 3])
    assert tau.value == pytest.approx((4 - 1) / (5 * 6) ** 0.5)


def test_a_perfect_ranking_has_no_interval():
    tau = kendall(range(12), [2 * x for x in range(12)])
    assert (tau.value, tau.low, tau.high) == (1.0, 1.0, 1.0)
    assert kendall(range(12), range(12, 0, -1)).value == -1.0


def test_the_interval_holds_tau_narrows_and_is_drawn_by_the_seed():
    rng = np.random.default_rng(0)
    true = rng.normal(size=200)
    noisy = true + rng.normal(size=200)
    few, many = (kendall(true[:n], noisy[:n]) for n in (15, 200))
    assert few.low < few.value < few.high
    assert many.high - many.low < few.high - few.low
    assert kendall(true[:15], noisy[:15]) == few


def test_two_pairs_are_too_few():
    with pytest.raises(ValueError, match="2 pairs"):
        kendall([1, 2], [1, 2])


def test_the_spread_is_the_deviation_of_one_training():
    draws = np.random.default_rng(0).normal(0, 0.3, (4000, 2)) + np.arange(4000)[:, None]
    assert seed_spread(draws) == pytest.approx(0.3, rel=0.05)


def test_draws_are_taus_of_resamples():
    """Against scipy's tau-b of the same draws, ties included."""
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 5, 12), rng.normal(size=12)
    taus = statistics.tau_draws(first, second, np.random.default_rng(1), 20)
    again = np.random.default_rng(1)
    draws = [np.arange(12), *(again.integers(0, 12, 12) for _ in range(20))]
    assert taus == pytest.approx([kendalltau(first[d], second[d]).statistic for d in draws])
    assert np.isnan(statistics.tau_draws([1, 1, 1], [1, 2, 3], rng, 0)).all()


@pytest.mark.parametrize(
    ("first", "second", "between", "given"),
    [
        (0.5, 0.0, 0.0, 0.5),
        (0.35, 0.5, 0.7, 0.0),
        (0.6, 0.5, 0.4, (0.6 - 0.5 * 0.4) / ((1 - 0.5**2) * (1 - 0.4**2)) ** 0.5),
        (0.5, 0.5, 1.0, np.nan),
    ],
)
def test_partial_tau_is_what_the_third_ranking_leaves(first, second, between, given):
    """Kendall's own form: 0 for a ranking that is noise around the third one."""
    found = statistics.partial(*(np.array([tau]) for tau in (first, second, between)))
    assert found == pytest.approx([given], nan_ok=True)
