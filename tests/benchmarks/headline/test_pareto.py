import pytest

from benchmarks.headline.goals import verdicts
from benchmarks.headline.pareto import Comparison, Point, compare, ranking
from fbnet.files import write_json

SEARCHED = [Point(10, 0.06), Point(20, 0.05), Point(30, 0.055)]


@pytest.mark.parametrize(
    ("member", "gap"),
    [
        (Point(10, 0.06), 0.0),
        (Point(15, 0.066), 0.1),
        (Point(25, 0.04), -0.2),
        (Point(30, 0.05), 0.0),  # the dearest searched net is not the best
    ],
)
def test_a_member_meets_the_best_net_that_costs_no_more(member, gap):
    found = compare(SEARCHED, [member])
    assert found.gaps == (pytest.approx(gap),)
    assert (found.better, found.outside, found.searched) == (int(gap < 0), 0, 3)


@pytest.mark.parametrize("macs", [9, 31])
def test_members_outside_the_range_are_counted_apart(macs):
    assert compare(SEARCHED, [Point(macs, 0.01)]) == Comparison(3, (), 1)


def test_read_from_the_ranking_benchmark(tmp_path):
    assert ranking(tmp_path) is None
    write_json(tmp_path / "architectures.json", [["a"], ["b"], ["untrained"]])
    write_json(tmp_path / "searches/seed_1-x.json", {"choice": ["c"]})
    write_json(tmp_path / "searches/leak-x.json", {"choice": ["b"]})
    assert ranking(tmp_path) is None
    trained = [("a", 1, 0.08), ("a", 2, 0.10), ("b", 1, 0.06), ("c", 1, 0.07)]
    for choice, seed, nme in trained:
        record = {"choice": [choice], "recipe": "scratch", "macs": 10, "test_nme": nme}
        write_json(tmp_path / f"trainings/{choice}-{seed}.json", record)
    inherited = {"choice": ["c"], "recipe": "inherited", "macs": 10, "test_nme": 0.01}
    write_json(tmp_path / "trainings/c-1-inherited.json", inherited)
    found = ranking(tmp_path)
    assert found.gaps == (pytest.approx(0.09 / 0.07 - 1), pytest.approx(0.06 / 0.07 - 1))
    assert (found.searched, found.better) == (1, 1)


@pytest.mark.parametrize(
    ("comparison", "reached"),
    [
        (Comparison(3, (0.1,) * 18, 2), True),
        (Comparison(3, (0.1,) * 19 + (-0.01,), 0), False),
        (Comparison(2, (0.1,) * 20, 0), False),
        (Comparison(3, (0.1,) * 10, 10), True),
        (Comparison(3, (0.1,) * 9, 11), False),
        (Comparison(3, (0.1,) * 19, 0), False),
    ],
)
def test_the_goal(comparison, reached):
    verdict = verdicts([], [], comparison)[-1]
    assert verdict.reached is reached
    assert f"{comparison.searched} searched nets" in verdict.measured
