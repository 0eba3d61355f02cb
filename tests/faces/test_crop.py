"""Crops: what is cut out, where the points go, what is refused."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from fbnet.errors import BadInput
from fbnet.faces.crop import (
    affine_matrix,
    check_points,
    cut,
    face_box,
    fit,
    jittered,
    load_picture,
    warp_image,
    warp_points,
)
from fbnet.faces.faceset import FaceSet


def dots(width: int, height: int, places: np.ndarray, radius: float) -> np.ndarray:
    """A black picture with soft dots at pixels (x, y); uint8 [height, width, 3]."""
    rows, columns = np.mgrid[:height, :width]
    image = np.zeros((height, width))
    for x, y in places:
        image += 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2))
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def light(image: np.ndarray, place: np.ndarray, reach: int) -> np.ndarray:
    """Centre of the brightness around `place` (x, y), in pixels from the picture's edge."""
    left, top = (int(value) - reach for value in place)
    part = image[max(top, 0) : top + 2 * reach, max(left, 0) : left + 2 * reach, 0].astype(float)
    rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
    centre = np.array(((columns * part).sum(), (rows * part).sum())) / part.sum()
    return centre + (max(left, 0), max(top, 0)) + 0.5


@pytest.mark.parametrize("extent", [60, 130, 420])
@pytest.mark.parametrize("margin", [0, 24])
def test_points_stay_on_their_dots(extent: int, margin: int) -> None:
    shape = np.array(((0.0, 0.0), (1.0, 0.1), (0.4, 0.9)))
    points = shape * extent + (83.0, 71.0)
    picture = dots(700, 650, points, radius=max(extent / 50, 1.5))
    image, landmarks = cut(picture, points, 112, margin, 1.2)
    assert image.shape == (112 + 2 * margin, 112 + 2 * margin, 3)
    for place in landmarks * 112 + margin:
        assert np.abs(light(image, place, 7) - place).max() < 0.3


def test_the_box_is_centred_and_scaled() -> None:
    points = np.array(((100.0, 200.0), (180.0, 240.0), (120.0, 260.0)))
    centre, side = face_box(points, 1.2)
    np.testing.assert_allclose(centre, (140, 230))
    assert side == pytest.approx(96)
    _, landmarks = cut(np.zeros((400, 400, 3), np.uint8), points, 112, 24, 1.2)
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, 0.5, atol=0.01)
    assert (high - low).max() == pytest.approx(1 / 1.2, abs=0.01)


def test_beyond_the_photograph_is_black() -> None:
    picture = np.full((100, 100, 3), 200, np.uint8)
    image, _ = cut(picture, np.array(((0.0, 0.0), (60.0, 60.0))), 112, 24, 1.2)
    assert image[:20, :20].max() == 0
    assert image[100, 100].min() == 200


def test_the_margin_is_real_where_the_photograph_has_it() -> None:
    picture = np.random.default_rng(1).integers(1, 256, (300, 300, 3), dtype=np.uint8)
    points = np.array(((120.0, 120.0), (180.0, 180.0)))
    wide, in_wide = cut(picture, points, 72, 20, 1.2)
    plain, in_plain = cut(picture, points, 72, 0, 1.2)
    np.testing.assert_array_equal(wide[20:-20, 20:-20], plain)
    np.testing.assert_allclose(in_wide, in_plain, atol=1e-6)
    assert wide.min() > 0


def test_shrinking_averages() -> None:
    """A fine chequerboard becomes grey; taking single pixels would leave it black and white."""
    board = np.indices((1200, 1200)).sum(axis=0) % 2 * 255
    picture = np.repeat(board.astype(np.uint8)[..., None], 3, axis=2)
    image, _ = cut(picture, np.array(((300.0, 300.0), (860.0, 860.0))), 112, 0, 1.2)
    assert image.std() < 10 and 120 < image.mean() < 135


@pytest.mark.parametrize("side", [112, 56, 224])
def test_cropped_faces_keep_their_shares(side: int) -> None:
    shares = np.array(((0.25, 0.5), (0.75, 0.4)))
    picture = dots(side, side, shares * side - 0.5, radius=side / 40)
    image, landmarks = fit(picture, shares, 112)
    assert image.shape == (112, 112, 3)
    np.testing.assert_allclose(landmarks, shares, atol=1e-6)
    for place in landmarks * 112:
        assert np.abs(light(image, place, 10) - place).max() < 0.2


def test_cropped_faces_must_be_square() -> None:
    with pytest.raises(BadInput, match=r"square.*112 x 100"):
        fit(np.zeros((100, 112, 3), np.uint8), np.zeros((68, 2)), 112)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([(10, 10), (90, 90), (350, 50)], "point 2 .*far outside the picture of 100 x 120"),
        ([(10, 10), (60, -60)], "point 1"),
        ([(50, 50), (51, 52)], "span 2.0 pixels"),
    ],
)
def test_points_that_cannot_be_right_are_refused(points: list, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        check_points(np.array(points, dtype=float), np.zeros((120, 100, 3), np.uint8))


def test_points_a_little_outside_are_fine() -> None:
    points = np.array(((-8.0, 20.0), (60.0, 105.0)))
    check_points(points, np.zeros((100, 100, 3), np.uint8))


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x89PNG\r\n\x1a\nbroken"])
def test_a_broken_picture_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "face.png").write_bytes(data)
    with pytest.raises(BadInput, match=r"face\.png is broken"):
        load_picture(tmp_path / "face.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_half_a_picture_is_refused(tmp_path: Path, suffix: str) -> None:
    whole = cv2.imencode(suffix, dots(80, 80, np.array(((40, 40),)), 9.0))[1].tobytes()
    (tmp_path / f"face{suffix}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="is broken"):
        load_picture(tmp_path / f"face{suffix}")


def test_pictures_are_blue_green_red(tmp_path: Path) -> None:
    picture = np.zeros((4, 5, 3), np.uint8)
    picture[..., 0] = 255
    cv2.imwrite(str(tmp_path / "blue.png"), picture)
    np.testing.assert_array_equal(load_picture(tmp_path / "blue.png"), picture)


def test_the_margin_shows_real_pixels() -> None:
    image = np.full((160, 160, 3), 200, np.uint8)
    crop = warp_image(image, affine_matrix(112, 24, 0.0, 1.0, np.array((0.2, -0.2)), False), 112)
    assert crop.min() == 200
    beyond = warp_image(image, affine_matrix(112, 24, 0.0, 1.0, np.array((0.4, 0.0)), False), 112)
    assert beyond[:, 0].max() == 0


def test_a_positive_turn_is_clockwise() -> None:
    above = np.array(((0.5, 0.2),), np.float32)
    matrix = affine_matrix(112, 24, np.radians(90), 1.0, np.zeros(2), False)
    x, y = warp_points(above, matrix, 112, 24)[0]
    assert x > 0.7 and abs(y - 0.5) < 0.02


@pytest.fixture
def faces(make_faces: Callable[..., FaceSet]) -> FaceSet:
    return make_faces(count=10, points=68)


def test_jittered_crops_are_shifted_and_scaled(faces: FaceSet) -> None:
    images, landmarks = jittered(faces, range(10), 0.1, seed=3)
    assert images.shape == (10, 48, 48, 3) and images.dtype == np.uint8
    assert landmarks.shape == (10, 68, 2) and landmarks.dtype == np.float32
    arms = landmarks[:, 1] - landmarks[:, 0]
    straight = faces.landmarks[:, 1] - faces.landmarks[:, 0]
    scale = (arms / straight).mean(axis=1)
    shift = landmarks[:, 0] - 0.5 - (faces.landmarks[:, 0] - 0.5) * scale[:, None]
    assert 0.9 <= scale.min() < 0.97 and 1.03 < scale.max() <= 1.1
    assert 0.05 < np.abs(shift).max() <= 0.1001


def test_jitter_is_the_same_each_time_and_by_face(faces: FaceSet) -> None:
    images, landmarks = jittered(faces, range(10), seed=3)
    some, places = jittered(faces, [8, 1], seed=3)
    np.testing.assert_array_equal(some, images[[8, 1]])
    np.testing.assert_array_equal(places, landmarks[[8, 1]])
    assert (jittered(faces, [8], seed=4)[1] != places[0]).any()


def test_no_jitter_gives_the_crops(faces: FaceSet) -> None:
    images, landmarks = jittered(faces, [4], 0.0)
    np.testing.assert_array_equal(images, faces.crops([4]))
    np.testing.assert_allclose(landmarks, faces.landmarks[[4]], atol=1e-6)
