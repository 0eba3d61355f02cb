"""A training's file is named by what it hangs on, and holds what the verdict needs."""

import dataclasses

import pytest

from benchmarks.ranking import trainings
from benchmarks.ranking.plan import trainings as plan
from fbnet.files import write_json
from tests.benchmarks.ranking.conftest import CHOICE


@pytest.mark.parametrize(
    ("section", "change", "matters"),
    [
        ("retrain", {"lr": 0.5}, True),
        ("retrain", {"epochs": 2}, True),
        ("retrain", {"seed": 7}, False),
        ("retrain", {"candidates": 7}, False),
        ("train", {"threads": 3}, True),
        ("augment", {"brightness": 0.125}, True),
    ],
)
def test_the_key_is_all_that_a_training_hangs_on(setting, section, change, matters):
    recipe = setting.recipe
    if recipe.augment is None:
        recipe = dataclasses.replace(recipe, augment=setting.params.augment)
    changed = getattr(recipe, section).model_copy(update=change)
    other = dataclasses.replace(recipe, **{section: changed})
    assert (other.key != recipe.key) is matters


def test_inherited_weights_and_other_faces_are_other_trainings(setting, faces, tmp_path):
    recipe = setting.recipe
    elsewhere = tmp_path / "faces"
    dataclasses.replace(faces, names=[f"other {name}" for name in faces.names]).save(elsewhere)
    others = [recipe.inheriting(setting.supernet), dataclasses.replace(recipe, faces=elsewhere)]
    assert len({recipe.key, *(other.key for other in others)}) == 3


def test_a_training_leaves_its_figures(setting):
    job = setting.ledger.job(CHOICE, 1)
    job.run()
    found = job.result
    assert found["choice"] == list(CHOICE) and found["seed"] == 1
    assert found["history"] == [[1.0, found["val_nme"]]]
    assert found["test_nme"] != found["val_nme"] > 0
    assert found["macs"] > found["params"] > 0
    assert setting.ledger.job(CHOICE, 2).work(*setting.ledger.job(CHOICE, 2).arguments) != found


def test_inheriting_starts_from_the_supernet(setting, monkeypatch):
    seen = []
    monkeypatch.setattr(
        trainings,
        "finetune",
        lambda choice, faces, space, supernet, *rest: seen.append(len(supernet)) or 1 / 0,
    )
    for ledger in (setting.ledger, setting.inheriting):
        with pytest.raises(ZeroDivisionError):
            ledger.job(CHOICE, 1).run()
    assert seen[0] == 0 < seen[1]


def test_the_first_seed_of_all_comes_first_and_nothing_twice(setting):
    sample = [CHOICE, ("mb_k3_res", "gh_k3", "skip")]
    write_json(setting.results / "architectures.json", sample)
    planned = plan(setting)
    assert [(job.arguments[1], job.arguments[2]) for job in planned] == [
        (sample[0], 1), (sample[1], 1), (sample[0], 2), (sample[1], 2), (CHOICE, 1),
    ]  # fmt: skip
    assert planned[-1].arguments[0].supernet == setting.supernet
