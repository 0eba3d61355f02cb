"""The sample holds both ends and one architecture of each stratum."""

import pytest

from benchmarks.ranking.work import stratified
from fbnet.costs.lut import Lut, cost_of, cost_range, from_table
from fbnet.costs.macs import macs_table
from fbnet.errors import BadInput
from fbnet.params import NNI_SPACE
from fbnet.search.draws import draws, extremes

COUNT = 20


@pytest.fixture(scope="module")
def macs() -> Lut:
    return from_table(macs_table(NNI_SPACE, 106), NNI_SPACE)


def test_both_ends_and_one_of_each_stratum(macs):
    choices = stratified(macs, COUNT, 20_000, seed=0)
    costs = [cost_of(macs, choice) for choice in choices]
    low, high = cost_range(macs)
    assert (costs[0], costs[-1]) == (low, high)
    width = (high - low) / (COUNT - 2)
    assert [int((cost - low) / width) for cost in costs[1:-1]] == list(range(COUNT - 2))
    assert len(set(choices)) == COUNT


def test_the_sample_depends_on_the_seed_alone(macs):
    first, again, other = (stratified(macs, COUNT, 20_000, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert (first[0], first[-1]) == (other[0], other[-1]) == extremes(macs)


@pytest.mark.parametrize("seed", range(5))
def test_an_end_never_stands_for_a_stratum(seed):
    lut = Lut("MACs", ({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.5}), 0.0, "drawn")
    assert stratified(lut, 4, 200, seed) == [("a", "a"), ("b", "a"), ("a", "b"), ("b", "b")]


def test_draws_reach_where_uniform_choices_do_not(macs):
    low, high = cost_range(macs)
    costs = [(cost_of(macs, choice) - low) / (high - low) for choice in draws(macs, 2000, 0)]
    assert min(costs) < 0.05 and max(costs) > 0.95


def test_an_empty_stratum_is_refused(macs):
    with pytest.raises(BadInput, match=r"strata have no architecture.*raise the plan's pool"):
        stratified(macs, COUNT, 20, seed=0)
