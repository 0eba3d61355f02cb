"""Records averaged to rows, rows to tables, and goals held against both."""

import pytest

from benchmarks.core.ledger import Ledger
from benchmarks.headline import table
from benchmarks.headline.goals import Comparison, Goal, compare, relative_nme, verdicts
from benchmarks.headline.table import FIGURES, records, rows
from fbnet.files import write_json


def run_of(model, nme, run=1, data="photographs", recipe="one", **more):
    figures = dict.fromkeys(FIGURES, 0.5) | {"nme": nme}
    sizes = {"lite": (77e6, 1000.0), "subnet": (7e6, 500.0), "mobilenetv3": (192e6, 5000.0)}
    macs, size_kb = sizes[model]
    return {
        "model": model, "data": data, "recipe": recipe, "run": run, "faces": 10, "params": 5,
        "macs": macs, "size_kb": size_kb, **figures, **more,
        "nme_region": {"eyes": nme}, "nme_yaw": {f"band_{run}": nme},
    }  # fmt: skip


TIMED = {"engine": "onnxruntime", "data": "photographs", "model": "lite"}
LATENCY = {"rows": [TIMED | {"latency_ms": 2.0, "to_lite": 1.0}]}


def test_rows_average_runs():
    averaged = rows(
        [run_of("lite", 0.04), run_of("lite", 0.06, 2), run_of("subnet", 0.05)], LATENCY
    )
    lite, subnet = averaged
    assert (lite["nme"], lite["runs"], lite["faces"]) == (pytest.approx(0.05), 2, 20)
    assert lite["nme_std"] == pytest.approx(0.01 * 2**0.5)
    assert lite["nme_runs"] == [0.04, 0.06]
    assert lite["nme_yaw"] == {"band_1": 0.04, "band_2": 0.06}
    assert (lite["latency_ms"], subnet["latency_ms"], subnet["nme_std"]) == (2.0, None, None)
    assert lite["latency"] == {"onnxruntime": {"latency_ms": 2.0, "to_lite": 1.0}}


def test_records_leave_trials_out(tmp_path):
    for name in ("lite-1", "trials/lite-0.1"):
        write_json(tmp_path / "rendered/one" / f"{name}.json", {"result": {"name": name}})
    assert records(Ledger(tmp_path, tmp_path)) == [{"name": "lite-1"}]


def test_compared_on_common_runs_only():
    runs = [run_of("subnet", 0.05, 1), run_of("subnet", 0.5, 2), run_of("lite", 0.04, 1)]
    relative, count = relative_nme(runs, "subnet", "lite", "photographs", "one")
    assert (relative, count) == (pytest.approx(0.25), 1)
    assert relative_nme(runs, "subnet", "mobilenetv3", "photographs", "one") is None


def test_a_training_that_learned_nothing_is_no_rival():
    mine = [run_of("subnet", 0.05, run) for run in (1, 2, 3)]
    theirs = [run_of("lite", nme, run) for run, nme in enumerate((0.1, 0.0625, 0.46), start=1)]
    runs = [*mine, *theirs]
    relative, count = relative_nme(runs, "subnet", "lite", "photographs", "one")
    assert (relative, count) == (pytest.approx(-0.35), 2)
    runs = [mine[2], theirs[2]]
    verdict = verdicts(runs, rows(runs, {}))[1]
    assert (verdict.measured, verdict.reached) == ("lite learned in no run", False)


def test_a_failed_training_of_the_net_itself_counts():
    runs = [run_of("subnet", 0.46), run_of("lite", 0.1)]
    relative, _ = relative_nme(runs, "subnet", "lite", "photographs", "one")
    assert relative == pytest.approx(3.6)


def test_goals_are_held_against_the_figures():
    runs = [
        run_of(model, nme, data=data, recipe=recipe)
        for data in ("rendered", "photographs")
        for recipe in ("one", "best")
        for model, nme in (("subnet", 0.051), ("lite", 0.06), ("mobilenetv3", 0.049))
    ]
    reached = {v.text: (v.measured, v.reached) for v in verdicts(runs, rows(runs, {}))}
    assert reached["NME 10% lower than lite's on photographs, one recipe"] == (
        "15.0% lower (one run)", True
    )  # fmt: skip
    assert reached["NME at most 3% above mobilenetv3's on rendered faces, one recipe"] == (
        "4.1% higher (one run)", False
    )  # fmt: skip
    assert reached["MACs at most 0.1 of lite's"] == ("0.091", True)
    assert reached["size at most 0.6 of lite's"] == ("0.500", True)
    assert reached["NME at most 5.0% on photographs at its best"] == ("5.10%", False)
    assert len(reached) == 9


def test_the_better_recipe_on_validation_counts_as_best():
    figures = {"one": (0.03, 0.03), "best": (0.049, 0.05), "taught": (0.052, 0.04)}
    runs = [
        run_of("subnet", nme, recipe=recipe, val_nme=val) for recipe, (nme, val) in figures.items()
    ]
    (best,) = [v for v in verdicts(runs, rows(runs, {})) if v.text.endswith("at its best")]
    assert (best.measured, best.reached) == ("5.20%", False)
    runs.append(run_of("subnet", 0.047, 2, recipe="best", val_nme=0.05))
    assert verdicts(runs, rows(runs, {}))[-2].measured == "4.80%"


def test_what_was_not_trained_is_not_judged():
    assert all(v.measured is None and not v.reached for v in verdicts([], []))


ROW = {
    "model": "lite", "data": "rendered", "recipe": "one", "params": 263332, "macs": 77355904,
    "size_kb": 1028.4, "nme": 0.05123, "nme_std": 0.0012, "nme_jitter": 0.06, "mean_face_nme": 0.2,
    "nme_runs": [0.05, 0.0524],
    "fr_08": 0.125, "fr_10": 0.1, "auc_08": 0.4, "auc_10": 0.5,
    "nme_region": {"eyes": 0.04}, "nme_yaw": {"yaw_0_15": 0.03},
    "latency": {"onnxruntime": {"latency_ms": 1.234, "to_lite": 1.0}},
}  # fmt: skip


def test_tables_say_what_the_rows_say():
    text = table.tables([ROW, ROW | {"model": "subnet", "nme_std": None, "nme_yaw": {}}])
    assert "### rendered, recipe `one`" in text
    assert (
        "| lite | 263,332 | 77.36 M | 1028 | onnxruntime 1.23 (1.00) | 5.12 ± 0.12 % | 5.00, 5.24 "
        "| 20.00 % |" in text
    )
    assert "| lite | 4.00 % | 3.00 % |" in text
    assert "| subnet | 4.00 % |  |" in text


def test_the_digest_has_a_line_for_each_model_and_the_median_of_its_runs():
    failed = ROW | {"data": "photographs", "nme_runs": [0.05, 0.06, 0.9]}
    better = ROW | {"recipe": "best", "nme_runs": [0.04]}
    other = ROW | {"model": "mobilenetv3", "latency": {}}
    lines = table.digest([ROW, failed, better, other]).splitlines()
    assert lines[0].endswith("| NME, rendered, `best` | NME, photographs, `best` |")
    assert lines[2:] == [
        "| lite | 77.36 M | 1028 | 1.00 | 5.12 % | 6.00 % | 4.00 % |  |",
        "| mobilenetv3 | 77.36 M | 1028 |  | 5.12 % |  |  |  |",
    ]


def test_goals_are_open_reached_or_not():
    text = table.goals([Goal("a", "1", True), Goal("b", "2"), Goal("c")])
    assert text.splitlines()[2:] == ["| a | 1 | yes |", "| b | 2 | no |", "| c | not yet |  |"]


def point(macs, val, test):
    return {"macs": macs, "val_nme": val, "test_nme": test}


SEARCHED = [point(10, 0.06, 0.07), point(20, 0.05, 0.06), point(30, 0.055, 0.05)]


def front_of(*members):
    return {
        "searched": SEARCHED, "front": SEARCHED[:2], "sampled": members, "seed_spread": 0.002,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("macs", "test", "lead"),
    [
        (10, 0.07, 0.0),
        (15, 0.075, -0.005),
        (25, 0.04, 0.02),
        (30, 0.059, 0.001),  # the costliest searched net is not the best on validation
        (90, 0.05, 0.01),  # costlier than all searched nets
    ],
)
def test_a_member_meets_the_best_net_that_costs_no_more(macs, test, lead):
    compared = compare(front_of(point(macs, 0.01, test)))
    assert compared == Comparison(3, (pytest.approx(lead),), 0, 0.002)


def test_members_cheaper_than_all_searched_nets_are_counted_apart():
    assert compare(front_of(point(9, 0.01, 0.01))) == Comparison(3, (), 1, 0.002)


@pytest.mark.parametrize(
    ("searched", "lead", "inside", "cheaper", "reached"),
    [
        (3, -0.001, 18, 2, True),
        (3, 0.003, 20, 0, False),
        (3, 0.001, 20, 0, True),
        (2, -0.001, 20, 0, False),
        (3, -0.001, 10, 10, True),
        (3, -0.001, 9, 11, False),
        (3, -0.001, 19, 0, False),
    ],
)
def test_the_goal_of_the_front(searched, lead, inside, cheaper, reached):
    members = [point(10, 0.1, 0.07 - lead)] * inside + [point(9, 0.1, 0.1)] * cheaper
    front = front_of(*members) | {"searched": SEARCHED[:searched]}
    goal = verdicts([], [], front)[-1]
    assert goal.reached is reached
    assert f"{searched} searched nets, {inside + cheaper} members" in goal.measured
