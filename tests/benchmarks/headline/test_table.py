import pytest

from benchmarks.headline.goals import verdicts
from benchmarks.headline.table import FIGURES, compared, records, rows
from fbnet.files import write_json


def record(model, nme, run=1, data="photographs", recipe="one", **more):
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
    found = rows([record("lite", 0.04), record("lite", 0.06, 2), record("subnet", 0.05)], LATENCY)
    lite, subnet = found
    assert (lite["nme"], lite["runs"], lite["faces"]) == (pytest.approx(0.05), 2, 20)
    assert lite["nme_std"] == pytest.approx(0.01 * 2**0.5)
    assert lite["nme_runs"] == [0.04, 0.06]
    assert lite["nme_yaw"] == {"band_1": 0.04, "band_2": 0.06}
    assert (lite["latency_ms"], subnet["latency_ms"], subnet["nme_std"]) == (2.0, None, None)


def test_records_leave_trials_out(tmp_path):
    for name in ("lite-1", "trials/lite-0.1"):
        write_json(tmp_path / "rendered/one" / f"{name}.json", {"name": name})
    assert records(tmp_path, ["one"], ["rendered"]) == [{"name": "lite-1"}]


def test_compared_on_common_runs_only():
    found = [record("subnet", 0.05, 1), record("subnet", 0.5, 2), record("lite", 0.04, 1)]
    relative, runs = compared(found, "subnet", "lite", "photographs", "one")
    assert (relative, runs) == (pytest.approx(0.25), 1)
    assert compared(found, "subnet", "mobilenetv3", "photographs", "one") is None


def test_a_training_that_learned_nothing_is_no_rival():
    mine = [record("subnet", 0.05, run) for run in (1, 2, 3)]
    theirs = [record("lite", nme, run) for run, nme in enumerate((0.1, 0.0625, 0.46), start=1)]
    found = [*mine, *theirs]
    relative, runs = compared(found, "subnet", "lite", "photographs", "one")
    assert (relative, runs) == (pytest.approx(-0.35), 2)
    found = [mine[2], theirs[2]]
    verdict = verdicts(found, rows(found, {}))[1]
    assert (verdict.measured, verdict.reached) == ("lite learned in no run", False)


def test_a_failed_training_of_the_net_itself_counts():
    found = [record("subnet", 0.46), record("lite", 0.1)]
    relative, _ = compared(found, "subnet", "lite", "photographs", "one")
    assert relative == pytest.approx(3.6)


def test_goals_are_held_against_the_figures():
    found = [
        record(model, nme, data=data, recipe=recipe)
        for data in ("rendered", "photographs")
        for recipe in ("one", "best")
        for model, nme in (("subnet", 0.051), ("lite", 0.06), ("mobilenetv3", 0.049))
    ]
    reached = {v.goal: (v.measured, v.reached) for v in verdicts(found, rows(found, {}))}
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
    found = [
        record("subnet", nme, recipe=recipe, val_nme=val) for recipe, (nme, val) in figures.items()
    ]
    (best,) = [v for v in verdicts(found, rows(found, {})) if v.goal.endswith("at its best")]
    assert (best.measured, best.reached) == ("5.20%", False)
    found.append(record("subnet", 0.047, 2, recipe="best", val_nme=0.05))
    assert verdicts(found, rows(found, {}))[-2].measured == "4.80%"


def test_what_was_not_trained_is_not_judged():
    assert all(v.measured is None and not v.reached for v in verdicts([], []))
