"""Trials on photographs: the split, the figures, one trial at the smallest."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.core import ROOT
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.synthetic import NETS, PARTS, trial
from benchmarks.synthetic.trial import offsets, predict, third
from fbnet.faces.faceset import FaceSet
from fbnet.landmarks import NNI_TO_IBUG68, SCHEMES
from fbnet.nets.pfld import PFLD, build_subnet
from fbnet.params import NNI_SPACE

PLACES = np.random.default_rng(0).uniform(0.2, 0.8, (5, 68, 2)).astype(np.float32)


@pytest.fixture
def photographs() -> FaceSet:
    return FaceSet(
        images=np.zeros((5, 32, 32, 3), np.uint8),
        landmarks=PLACES,
        pose=np.zeros((5, 3), np.float32),
        split=np.zeros(5, np.uint8),
        names=list("abcde"),
        groups=list("abcde"),
        size=32,
        margin=0,
        layout="ibug",
        source="drawn",
    )


def test_thirds_depend_on_the_name_alone() -> None:
    groups = [f"afw/{number}" for number in range(3000)]
    parts = third(groups)
    assert third(groups[::-1]).tolist() == parts[::-1].tolist()
    assert third(["afw/7", "afw/7"]).tolist() == [parts[7]] * 2
    assert np.bincount(parts) == pytest.approx([1000] * 3, abs=100)


def test_the_split_never_changes() -> None:
    """Rows of trials.csv compare only while the same photographs choose."""
    assert third([f"afw/{number}" for number in range(8)]).tolist() == [0, 2, 2, 0, 0, 1, 0, 2]


def test_offsets_are_along_and_across_the_eyes(photographs: FaceSet) -> None:
    left, right = SCHEMES[68].eyes
    along = PLACES[:, right] - PLACES[:, left]
    down = np.stack([-along[:, 1], along[:, 0]], axis=1)
    moved = PLACES.copy()
    moved[:, 17] += 0.1 * along + 0.2 * down
    moved[:, 26] += -0.1 * along + 0.2 * down
    apart = offsets(moved, photographs, np.arange(5))
    assert apart[17] == pytest.approx([0.1, 0.2], abs=1e-5)
    assert apart[26] == pytest.approx([-0.1, 0.2], abs=1e-5)
    assert np.abs(np.delete(apart, [17, 26], axis=0)).max() < 1e-5


class _Constant(torch.nn.Module):
    def __init__(self, points: np.ndarray) -> None:
        super().__init__()
        self.points = torch.from_numpy(points)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, None]:
        assert images.shape[1:] == (3, 32, 32)
        return self.points.expand(len(images), -1, -1), None


@pytest.mark.parametrize("points", [68, 106])
def test_106_points_are_scored_as_68(photographs: FaceSet, points: int) -> None:
    places = np.random.default_rng(1).random((points, 2)).astype(np.float32)
    points68 = predict(_Constant(places), photographs, np.array([0, 3, 4]))
    wanted = places[NNI_TO_IBUG68] if points == 106 else places
    assert points68 == pytest.approx(np.broadcast_to(wanted, (3, 68, 2)))


def _net(points: int) -> PFLD:
    return build_subnet(NNI_SPACE, points, NETS["small"], 112, seed=points).eval()


def test_the_last_layer_takes_up_a_constant_offset() -> None:
    """And leaves alone what was right already."""
    net, faces = _net(68), _noise()
    indices = np.arange(len(faces))
    before = predict(net, faces, indices)
    moved = before + np.where(np.arange(68) == 30, 0.1, 0)[:, None].astype(np.float32)
    trial.fit_last_layer(net, dataclasses.replace(faces, landmarks=moved))
    assert predict(net, faces, indices) == pytest.approx(moved, abs=1e-4)


def test_a_trial_of_few_faces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trial, "load_faces", lambda folder, work: _noise())
    setting = {
        "set": {"points": 68, "supersampling": 1}, "net": NETS["small"],
        "seed": 1, "faces": 24, "epochs": 1, "thirds": PARTS["final"],
    }  # fmt: skip
    job = Job("final/few", setting, trial.run, trial.Inputs(ROOT / "data", tmp_path))
    result = trial.run(job, Ledger(tmp_path, tmp_path))
    assert 0 < result["photographs"] < 9 and result["points"] == 68
    assert all(np.isfinite(value) for value in result.values())


def _noise() -> FaceSet:
    """Nine photographs of nothing."""
    rng = np.random.default_rng(2)
    names = [f"photo{number}" for number in range(9)]
    return FaceSet(
        images=rng.integers(0, 256, (9, 112, 112, 3), np.uint8),
        landmarks=rng.random((9, 68, 2)).astype(np.float32),
        pose=np.zeros((9, 3), np.float32),
        split=np.zeros(9, np.uint8),
        names=names,
        groups=names,
        size=112,
        margin=0,
        layout="ibug",
        source="drawn",
    )
