"""Pictures decoded: depth, damage, and what decoders print."""

import os

import cv2
import numpy as np

from fbnet.faces.crop import load_picture
from fbnet.predict.pictures import decode_picture, read_picture
from tests.rendered import face

__all__ = ["face"]


def test_deep_pixels_are_seen_as_fetch_sees_them(face, tmp_path):
    for name, picture in {
        "twelve.png": face[0].astype(np.uint16) * 16,
        "shares.tiff": face[0].astype(np.float32) / 255,
    }.items():
        cv2.imwrite(str(tmp_path / name), picture)
        seen = read_picture(tmp_path / name)
        assert np.array_equal(seen, load_picture(tmp_path / name))
        assert np.abs(seen.astype(int) - face[0]).max() <= 1


def test_damage_that_a_jpeg_survives_is_not_printed(face, capfd):
    data = cv2.imencode(".jpg", face[0])[1].tobytes()
    damaged = data[: len(data) // 2] + data[-2:]
    assert decode_picture(damaged, "x").shape == face[0].shape
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"


def test_pictures_are_decoded_where_there_is_no_standard_error(face):
    kept = os.dup(2)
    os.close(2)
    try:
        picture = decode_picture(cv2.imencode(".png", face[0])[1].tobytes(), "x")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    assert (picture == face[0]).all()
