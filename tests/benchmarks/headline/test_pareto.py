import pytest

from benchmarks.headline.goals import verdicts
from benchmarks.headline.pareto import Comparison, compare, ranking
from fbnet.files import write_json


def point(macs, val, test):
    return {"macs": macs, "val_nme": val, "test_nme": test}


SEARCHED = [point(10, 0.06, 0.07), point(20, 0.05, 0.06), point(30, 0.055, 0.05)]


def found(*members):
    return {"searched": SEARCHED, "sampled": members, "seed_spread": 0.002}


@pytest.mark.parametrize(
    ("macs", "test", "lead"),
    [
        (10, 0.07, 0.0),
        (15, 0.075, -0.005),
        (25, 0.04, 0.02),
        (30, 0.059, 0.001),  # the dearest searched net is not the best on validation
        (90, 0.05, 0.01),  # dearer than all searched nets
    ],
)
def test_a_member_meets_the_best_net_that_costs_no_more(macs, test, lead):
    seen = compare(found(point(macs, 0.01, test)))
    assert seen.leads == (pytest.approx(lead),)
    assert (seen.better, seen.clearly_better) == (int(lead > 0), int(lead > 0.002))
    assert (seen.cheaper, seen.searched) == (0, 3)


def test_members_cheaper_than_all_searched_nets_are_counted_apart():
    assert compare(found(point(9, 0.01, 0.01))) == Comparison(3, (), 1, 0.002)


def test_read_from_the_ranking_benchmark(tmp_path):
    file = tmp_path / "front.json"
    assert ranking(file) is None
    write_json(file, found(point(15, 0.01, 0.075)))
    assert ranking(file).searched == 3


@pytest.mark.parametrize(
    ("comparison", "reached"),
    [
        (Comparison(3, (-0.1,) * 18, 2, 0.01), True),
        (Comparison(3, (-0.1,) * 19 + (0.02,), 0, 0.01), False),
        (Comparison(3, (-0.1,) * 19 + (0.01,), 0, 0.01), True),
        (Comparison(2, (-0.1,) * 20, 0, 0.01), False),
        (Comparison(3, (-0.1,) * 10, 10, 0.01), True),
        (Comparison(3, (-0.1,) * 9, 11, 0.01), False),
        (Comparison(3, (-0.1,) * 19, 0, 0.01), False),
    ],
)
def test_the_goal(comparison, reached):
    verdict = verdicts([], [], comparison)[-1]
    assert verdict.reached is reached
    assert f"{comparison.searched} searched nets" in verdict.measured
