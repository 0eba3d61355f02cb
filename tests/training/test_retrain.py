"""Retraining: learns, averages, keeps the best epoch, resumes to the same bytes, inherits."""

from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from fbnet.errors import BadInput, TrainingDiverged
from fbnet.faces.faceset import FaceSet
from fbnet.nets.pfld import build_auxnet, build_subnet
from fbnet.params import AugmentParams, RetrainParams, SpaceParams
from fbnet.training.checkpoints import Checkpoint
from fbnet.training.retrain import Retraining
from fbnet.training.validate import validation_nme

CHOICE = ("sep_k3", "mb_k3", "mb_k3")


def training(faces: FaceSet, space: SpaceParams, **changes: object) -> Retraining:
    params = RetrainParams(epochs=4, min_steps=0, batch=16, lr=0.01, ema=0.8).model_copy(
        update=changes
    )
    net = build_subnet(space, faces.points, CHOICE, faces.size, seed=1)
    augment = AugmentParams(rotate=5, mirror=0.0) if params.augment else None
    return Retraining(faces, net, build_auxnet(faces.size), params, augment)


def test_the_rate_ends_at_zero_whatever_the_last_batch(faces: FaceSet, space: SpaceParams) -> None:
    """44 faces in batches of 43: a rest of one face is no step of its own."""
    run = training(faces, space, epochs=2, batch=43, warmup_epochs=0)
    run.run()
    assert run.learner.step_count == run.learner.steps == 2


def test_fewer_faces_than_shards_are_refused(faces: FaceSet, space: SpaceParams) -> None:
    net = build_subnet(space, faces.points, CHOICE, faces.size, seed=1)
    with pytest.raises(BadInput, match=r"44 face\(s\) for training, and 45 processes or shards"):
        Retraining(faces, net, None, RetrainParams(), shards=45)


def test_a_net_that_never_answers_in_numbers_has_diverged(
    faces: FaceSet, space: SpaceParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = training(faces, space, epochs=2)
    monkeypatch.setattr(run, "validate", lambda: float("nan"))
    with pytest.raises(TrainingDiverged, match=r"never finite: .*retrain\.lr"):
        run.run()


@pytest.mark.parametrize("loss", ["wing", "pose_l2"])
def test_learns_and_keeps_the_best_epoch(faces: FaceSet, space: SpaceParams, loss: str) -> None:
    run = training(faces, space, epochs=12, loss=loss, augment=False)
    run.run()
    scores = [row["val_nme"] for row in run.history]
    assert run.best["nme"] == min(scores) < 0.7 * scores[0]
    assert run.best["epoch"] == scores.index(min(scores)) + 1
    assert run.history[-1]["loss"] < 0.5 * run.history[0]["loss"]


def test_the_kept_weights_are_those_that_were_scored(
    faces: FaceSet, space: SpaceParams, fabric: Fabric
) -> None:
    run = training(faces, space)
    run.run()
    net = build_subnet(space, faces.points, CHOICE, faces.size)
    net.load_state_dict(run.best["weights"])
    nme = validation_nme(net, faces, faces.indices("validation"), fabric)
    assert nme == pytest.approx(run.best["nme"], rel=1e-5)


@pytest.mark.parametrize("stop", [1, 3])
def test_resuming_changes_no_bit(
    faces: FaceSet, space: SpaceParams, tmp_path: Path, stop: int
) -> None:
    unbroken = training(faces, space)
    unbroken.run()
    broken = training(faces, space)
    for _ in range(stop):
        broken.run_epoch()
    saved = Checkpoint(tmp_path)
    saved.save(broken.state())
    resumed = training(faces, space)
    logged: list[int] = []
    resumed.run(saved, lambda step, figures: logged.append(step))
    assert logged == [1, 2, 3, 4]
    assert resumed.history == unbroken.history
    weights = unbroken.best["weights"]
    assert all(torch.equal(weights[k], resumed.best["weights"][k]) for k in weights)


def test_validates_as_often_as_asked_and_at_the_end(faces: FaceSet, space: SpaceParams) -> None:
    run = training(faces, space, epochs=5, validate_every=2)
    run.run()
    assert [int(row["epoch"]) for row in run.history if "val_nme" in row] == [2, 4, 5]


def test_test_faces_are_never_read(faces: FaceSet, space: SpaceParams) -> None:
    changed = faces.images.copy()
    changed[faces.indices("test")] = 255
    other = FaceSet(**{**vars(faces), "images": changed})
    runs = [training(f, space, epochs=2) for f in (faces, other)]
    for run in runs:
        run.run()
    assert runs[0].history == runs[1].history


def test_a_diverged_training_stops_with_a_remedy(faces: FaceSet, space: SpaceParams) -> None:
    run = training(faces, space, lr=1e30, optimizer="rmsprop", warmup_epochs=0.0)
    with pytest.raises(
        TrainingDiverged, match=r"in epoch 1: lower the learning rate \(retrain\.lr\)"
    ):
        run.run()
