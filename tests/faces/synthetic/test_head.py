"""The asset file and what depends on it."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from fbnet.errors import BadInput
from fbnet.faces import synthetic
from fbnet.faces.synthetic.head import CONTOUR, HEAD_FILE, MASKS
from fbnet.landmarks import SCHEMES

DATA = Path(__file__).parents[3] / "data"


def test_asset_needs_no_pickle() -> None:
    with np.load(DATA / HEAD_FILE, allow_pickle=False) as archive:
        kinds = {archive[name].dtype.kind for name in archive.files}
    assert "O" not in kinds
    assert (DATA / HEAD_FILE).stat().st_size < 1.5e6


def test_weights_of_picked_landmarks_sum_to_one(head: synthetic.Head) -> None:
    derived = [34, 38, 88, 92]
    total = head.landmark_weights.sum(1)
    assert total[derived].tolist() == [0, 0, 0, 0]
    assert np.delete(total, derived) == pytest.approx(1, abs=1e-3)
    assert head.slide_weights.sum(2) == pytest.approx(1, abs=1e-3)


def test_landmark_template_is_symmetric(head: synthetic.Head) -> None:
    corners = head.vertices[head.landmark_vertices]
    points = (corners * head.landmark_weights[..., None]).sum(1)
    reflected = points[list(SCHEMES[106].mirror)] * [-1, 1, 1]
    assert np.abs(points - reflected).max() < 0.02


def test_contour_goes_from_temple_over_chin_to_temple(head: synthetic.Head) -> None:
    corners = head.vertices[head.landmark_vertices[list(CONTOUR)]]
    x, y = (corners * head.landmark_weights[list(CONTOUR)][..., None]).sum(1)[:, :2].T
    assert (np.diff(x[3:-3]) > 0).all()
    assert y.argmin() == 16


def test_slide_rows_start_at_the_contour(head: synthetic.Head) -> None:
    assert (head.slide_vertices[:, 0] == head.landmark_vertices[list(CONTOUR)]).all()


def test_morph_adds_targets(head: synthetic.Head) -> None:
    moved = head.morph({"faceunits/jawOpen": 0.5, "nose/nose-hump-incr": 0.0})
    target = head.targets[head.target_index["faceunits/jawOpen"]].T
    assert moved - head.vertices == pytest.approx(0.5 * target, abs=1e-5)
    with pytest.raises(KeyError):
        head.morph({"faceunits/none": 1.0})


def test_pickle_carries_the_path_only(head: synthetic.Head) -> None:
    packed = pickle.dumps(head)
    assert len(packed) < 1000
    assert (pickle.loads(packed).targets == head.targets).all()


def _truncated(folder: Path) -> None:
    (folder / HEAD_FILE).write_bytes((DATA / HEAD_FILE).read_bytes()[:1000])


def _other_version(folder: Path) -> None:
    np.savez(folder / HEAD_FILE, version=np.array(99))


def _array_missing(folder: Path) -> None:
    np.savez(folder / HEAD_FILE, version=np.array(2), mask_names=np.array(MASKS))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: None, "no such file"),
        (_truncated, "not a readable"),
        (_other_version, "version 99"),
        (_array_missing, "no array"),
    ],
)
def test_bad_asset_is_bad_input(tmp_path: Path, spoil: object, message: str) -> None:
    spoil(tmp_path)  # type: ignore[operator]
    with pytest.raises(BadInput, match=message):
        synthetic.load_head(tmp_path)
