"""Trainings: tuned on validation, built on others, never on test; and the timing of all nets."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.core.jobs import Job
from benchmarks.headline import PHOTOGRAPHS, RENDERED, SUBNET, work
from fbnet.costs.macs import count
from fbnet.export.onnx import counts
from fbnet.nets.baselines import build_baseline
from fbnet.params import NNI_SPACE
from fbnet.training.retrain import Retraining


@pytest.fixture
def unscored(monkeypatch):
    """The export takes seconds; one test does it."""
    monkeypatch.setattr(work, "figures", lambda net, faces: {"nme": 0.1})


@pytest.fixture
def trained(monkeypatch):
    """(net, data, epochs, whether it has a teacher) in the order of training."""
    seen, run = [], Retraining.run

    def watched(self, saved=None):
        distilled = self.learner.teacher is not None
        name = type(self.learner.net).__name__
        seen.append((name, self.faces.layout, self.params.epochs, distilled))
        run(self, saved)

    monkeypatch.setattr(Retraining, "run", watched)
    return seen


def test_a_training_leaves_its_figures(plan, ledger):
    job = plan.training("lite", RENDERED, "one", 1)
    ledger.run([job])
    result = ledger.result(job)
    assert result.keys() >= {
        "nme", "nme_jitter", "nme_region", "nme_yaw", "macs", "params", "size_kb",
    }  # fmt: skip
    assert (result["rate"], result["epochs"], result["faces"]) == (0.01, 2, 8)
    trials = ["rendered/one/trials/lite-0.01", "rendered/one/trials/lite-1e-06"]
    assert list(ledger.results()) == ["rendered/one/lite-1", *trials]
    assert "nme" not in ledger.results()[trials[0]]
    assert not list((ledger.work / "unfinished").glob("*/*"))


@pytest.mark.usefixtures("unscored")
def test_done_once_and_the_same_again(plan, ledger, trained, tmp_path):
    job = plan.training(SUBNET, PHOTOGRAPHS, "one", 2)
    ledger.run([job])
    assert [row[2] for row in trained] == [1, 1, 3]
    ledger.run([job])
    assert len(trained) == 3
    elsewhere = replace(ledger, folder=tmp_path / "again", work=tmp_path / "anew")
    elsewhere.run([job])
    assert elsewhere.result(job) == ledger.result(job)


@pytest.mark.usefixtures("unscored")
def test_teacher_and_start_come_first(plan, ledger, trained):
    job = plan.training(SUBNET, PHOTOGRAPHS, "best", 2)
    ledger.run([job])
    assert ledger.result(job)["rate"] == 0.01
    assert trained[-1] == ("PFLD", "photographs", 1, True)
    before = [row for row in trained[:-1] if row[1] == "photographs" and row[2] == 1]
    assert before == [("Baseline", "photographs", 1, False)]
    assert [name for name in ledger.results() if "trials" not in name] == [
        "photographs/best/lite-2",
        "photographs/best/subnet-2",
        "rendered/one/lite-1",
        "rendered/one/subnet-1",
    ]


def test_folds_part_the_photographs(faces):
    folds = [work.folded(faces, fold, 5) for fold in range(1, 6)]
    tested = np.concatenate([fold.indices("test") for fold in folds])
    assert sorted(tested) == list(range(len(faces)))
    for fold in folds:
        split_of = {}
        for group, split in zip(fold.groups, fold.split, strict=True):
            assert split_of.setdefault(group, split) == split
        assert len(fold.indices("validation")) >= 4
        assert len(fold.indices("test")) == 12


def test_folds_depend_on_names_alone(faces):
    turned = np.arange(len(faces))[::-1]
    other = replace(
        faces, images=faces.images[turned], landmarks=faces.landmarks[turned],
        names=faces.names[::-1], groups=faces.groups[::-1], pose=faces.pose[turned],
    )  # fmt: skip
    split = work.folded(other, 2, 5).split[::-1]
    np.testing.assert_array_equal(split, work.folded(faces, 2, 5).split)


SEARCHED = work.Subnet(NNI_SPACE, ("mb_k3_res", "gh_k3", "mb_k5_res", "gh_k5", "gh_k5"))


@pytest.fixture(scope="module")
def lite():
    return build_baseline("lite", 68, 32)


@pytest.fixture(scope="module")
def file(lite):
    return work.onnx_file(lite, 32, 68)


def test_every_net_is_timed_in_turn_with_its_ratio_to_lite(ledger, file, monkeypatch):
    monkeypatch.setattr(work, "onnx_file", lambda *_: file)
    setting = {
        "size": 32,
        "seconds": 0.0,
        "points": {"photographs": 68},
        "models": ["mobilenetv3", "lite"],
    }
    timed = work.latencies(Job("latency", setting, work.latencies, SEARCHED), ledger)
    assert {row["engine"] for row in timed["rows"]} == set(work.TIMED)
    by_model = {row["model"]: row for row in timed["rows"] if row["engine"] == "onnxruntime"}
    assert by_model["lite"]["to_lite"] == 1
    ratio = by_model["mobilenetv3"]["latency_ms"] / by_model["lite"]["latency_ms"]
    assert by_model["mobilenetv3"]["to_lite"] == pytest.approx(ratio)


def test_the_timed_file_has_every_bias(lite, file):
    assert counts(file).params == count(lite, (1, 3, 32, 32)).params
