"""Results of one machine hold on another: face sets are identified without rounding."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.core import faces as module
from benchmarks.core.faces import identity, load_faces, render
from fbnet.errors import BadInput
from fbnet.params import FetchParams, SyntheticParams


def test_rounding_makes_no_difference(faces):
    assert identity(replace(faces, landmarks=faces.landmarks + np.float32(1e-7))) == identity(faces)


@pytest.mark.parametrize(
    "change",
    [
        lambda faces: {"names": [*faces.names[1:], "other"]},
        lambda faces: {"split": 2 - faces.split},
        lambda faces: {"landmarks": faces.landmarks + np.float32(0.002)},
        lambda faces: {"images": faces.images + np.uint8(3)},
    ],
)
def test_names_split_points_and_pictures_do(faces, change):
    assert identity(replace(faces, **change(faces))) != identity(faces)


def test_photographs_are_cropped_once_and_anew_where_they_cannot_be_read(
    faces, monkeypatch, tmp_path
):
    cropped = []

    def prepare(params, folder):
        cropped.append(folder)
        faces.save(folder)
        return SimpleNamespace(faces=faces)

    monkeypatch.setattr(module, "prepare", prepare)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for _ in range(2):
        load_faces.cache_clear()
        assert identity(load_faces(pictures, tmp_path / "work")) == identity(faces)
    assert len(cropped) == 1
    (cropped[0] / "pose.npy").unlink()
    load_faces.cache_clear()
    load_faces(pictures, tmp_path / "work")
    assert len(cropped) == 2
    (pictures / "a.pts").write_text("another label")
    load_faces.cache_clear()
    load_faces(pictures, tmp_path / "work")
    assert len({*cropped}) == 2


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(BadInput, match="nowhere: no such folder"):
        load_faces(tmp_path / "nowhere", tmp_path)


def test_faces_are_rendered_once(tmp_path, monkeypatch):
    synthetic = SyntheticParams(train=4, test=2, supersampling=1)
    params = FetchParams(root="data", layout="synthetic", synthetic=synthetic, workers=1)
    folder = render(params, tmp_path)
    assert len(load_faces(folder, tmp_path).names) == 6
    monkeypatch.setattr(module, "prepare", None)
    assert render(params, tmp_path) == folder
