import pytest

from benchmarks.headline.recipes import RECIPES, SETS
from benchmarks.headline.tasks import Task, plan
from fbnet.errors import BadInput


def test_every_training_once_and_tuned_alike():
    names = [task.name for task in plan(RECIPES, list(SETS))]
    assert len(names) == len(set(names)) == (7 + 11) + (4 + 10) + (1 + 5) + 2 * 3 * 3
    trials = [name.split("/") for name in names if "/trials/" in name]
    counted = {(data, name.rpartition("-")[0]) for data, _, _, name in trials}
    per_model = {
        key: sum((d, n.rpartition("-")[0]) == key for d, _, _, n in trials) for key in counted
    }
    assert set(per_model.values()) == {3}
    assert len(per_model) == 6


def test_a_pattern_picks_and_first_runs_come_first():
    names = [task.name for task in plan(RECIPES, ["photographs"], "photographs/one/[ls]*")]
    assert names[:3] == [
        "photographs/one/subnet-1",
        "photographs/one/lite-1",
        "photographs/one/subnet-2",
    ]
    with pytest.raises(BadInput, match="no training is called x"):
        plan(RECIPES, ["rendered"], "x")


def test_files(tmp_path):
    assert (
        Task("lite", "rendered", "one", 2).file(tmp_path, ".json")
        == tmp_path / "rendered/one/lite-2.json"
    )
    assert Task("lite", "rendered", "one", 1, 0.003).name == "rendered/one/trials/lite-0.003"
