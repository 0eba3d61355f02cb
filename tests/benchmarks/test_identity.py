"""Results of one machine hold on another: face sets are told apart without rounding."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.identity import identity
from benchmarks.ranking.digests import face_set


def test_rounding_makes_no_difference(faces):
    assert identity(replace(faces, landmarks=faces.landmarks + np.float32(1e-7))) == identity(faces)
    json.dumps(identity(faces))


@pytest.mark.parametrize(
    "change",
    [
        lambda faces: {"names": [*faces.names[1:], "other"]},
        lambda faces: {"split": 2 - faces.split},
        lambda faces: {"landmarks": faces.landmarks + np.float32(0.002)},
    ],
)
def test_names_split_and_points_do(faces, change):
    assert identity(replace(faces, **change(faces))) != identity(faces)


def test_stored_faces_are_told_apart_by_their_pictures_too(faces, tmp_path):
    for name, lighter in {"a": 0, "b": 0, "c": 3}.items():
        replace(faces, images=faces.images + np.uint8(lighter)).save(tmp_path / name)
    one, same, other = (face_set(tmp_path / name) for name in "abc")
    assert one == same != other
    assert one[:-1] == other[:-1]
