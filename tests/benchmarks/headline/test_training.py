"""Trainings: tuned on validation, done once, resting on others, never on test."""

import json
from dataclasses import replace

import pytest
import torch

from benchmarks.headline import training
from benchmarks.headline.recipes import PHOTOGRAPHS, RENDERED, SUBNET
from benchmarks.headline.tasks import Task
from benchmarks.headline.training import Bench
from fbnet.errors import BadInput
from fbnet.params import AugmentParams
from fbnet.training.retrain import Retraining


@pytest.fixture
def unscored(monkeypatch):
    """The export takes seconds; one test does it."""
    monkeypatch.setattr(training, "_figures", lambda net, faces: {"nme": 0.1})


@pytest.fixture
def trained(monkeypatch):
    """Names of (net, data layout, epochs, teacher) in the order of training."""
    seen, run = [], Retraining.run

    def watched(self, saved=None):
        distilled = self.learner.teacher is not None
        name = type(self.learner.net).__name__
        seen.append((name, self.faces.layout, self.params.epochs, distilled))
        run(self, saved)

    monkeypatch.setattr(Retraining, "run", watched)
    return seen


def files(setting):
    return sorted(
        p.relative_to(setting.results).as_posix() for p in setting.results.rglob("*.json")
    )


def test_a_training_leaves_its_figures(setting):
    record = Bench(setting).ensure(Task("lite", RENDERED, "one"))
    assert record.keys() >= {
        "nme",
        "nme_jitter",
        "nme_region",
        "nme_yaw",
        "macs",
        "params",
        "size_kb",
    }
    assert (record["rate"], record["epochs"], record["faces"]) == (0.01, 2, 8)
    assert files(setting) == [
        "rendered/one/lite-1.json", "rendered/one/trials/lite-0.01.json",
        "rendered/one/trials/lite-1e-06.json",
    ]  # fmt: skip
    trial = json.loads((setting.results / "rendered/one/trials/lite-0.01.json").read_text())
    assert "nme" not in trial
    assert not list((setting.work / "unfinished").glob("*/*"))


@pytest.mark.usefixtures("unscored")
def test_done_once_and_the_same_again(setting, trained, tmp_path):
    task = Task(SUBNET, PHOTOGRAPHS, "one", 2)
    first = Bench(setting).ensure(task)
    assert [row[2] for row in trained] == [1, 1, 3]
    assert Bench(setting).ensure(task) == first
    assert len(trained) == 3
    elsewhere = replace(setting, results=tmp_path / "again", work=tmp_path / "anew")
    assert Bench(elsewhere).ensure(task) == first


@pytest.mark.usefixtures("unscored")
def test_teacher_and_start_come_first(setting, trained):
    record = Bench(setting).ensure(Task(SUBNET, PHOTOGRAPHS, "best", 2))
    assert record["rate"] == 0.01
    assert trained[-1] == ("PFLD", "photographs", 1, True)
    before = [row for row in trained[:-1] if row[1] == "photographs" and row[2] == 1]
    assert before == [("Baseline", "photographs", 1, False)]
    assert [name for name in files(setting) if "trials" not in name] == [
        "photographs/best/lite-2.json",
        "photographs/best/subnet-2.json",
        "rendered/one/lite-1.json",
        "rendered/one/subnet-1.json",
    ]


@pytest.mark.usefixtures("unscored")
def test_lost_weights_are_made_again_and_published_figures_stay(setting, trained):
    task, bench = Task("lite", RENDERED, "one"), Bench(setting)
    weights = bench.weights(task)
    published = task.file(setting.results, ".json")
    published.write_text(published.read_text().replace("0.1,", "0.123,"))
    for file in setting.work.rglob("*.safetensors"):
        file.unlink()
    again = bench.weights(task)
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    assert bench.ensure(task)["nme"] == 0.123


@pytest.mark.usefixtures("unscored")
def test_results_of_other_terms_are_refused(setting):
    task = Task("lite", RENDERED, "one")
    Bench(setting).ensure(task)
    other = setting.params.model_copy(update={"augment": AugmentParams(rotate=1.0)})
    with pytest.raises(BadInput, match=r"lite-1\.json: made with other data, params"):
        Bench(replace(setting, params=other)).ensure(task)


@pytest.mark.usefixtures("unscored")
def test_a_new_search_concerns_the_subnet_alone(setting, tmp_path):
    found = tmp_path / "other.json"
    found.write_text(json.dumps({"choice": ["mb_k3_res", "gh_k3", "gh_k3"], "space": "small"}))
    new = Bench(replace(setting, searched=found))
    old = Bench(setting)
    for model, same in ((SUBNET, False), ("lite", True)):
        task = Task(model, RENDERED, "one")
        assert (new.terms(task) == old.terms(task)) is same
