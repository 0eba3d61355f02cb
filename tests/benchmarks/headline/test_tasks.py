from collections import Counter

import pytest

from benchmarks.headline.recipes import MODELS, RECIPES, SETS
from benchmarks.headline.tasks import Task, plan
from fbnet.errors import BadInput


def test_every_training_once_and_tuned_alike():
    names = [task.name for task in plan(RECIPES, list(SETS))]
    assert len(names) == len(set(names)) == (7 + 11) + (4 + 11) + (1 + 5) + 3 * 3
    trials = Counter(name.rpartition("-")[0] for name in names if "/trials/" in name)
    assert trials == {f"rendered/one/trials/{model}": 3 for model in MODELS}


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
