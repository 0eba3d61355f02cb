"""Augmentation: what must hold for every draw."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from fbnet.faces.pose import angles_from_matrix, matrix_from_angles
from fbnet.landmarks import SCHEMES
from fbnet.params import AugmentParams
from fbnet.training.augment import augment, rotate_pose

SIZE, MARGIN = 112, 24
STORED = SIZE + 2 * MARGIN
SCHEME = SCHEMES[68]
STILL = dict.fromkeys(
    ("rotate", "shift", "scale", "mirror", "brightness", "contrast", "colour", "grey", "blur",
     "noise", "jpeg", "occlude"),
    0.0,
)  # fmt: skip


def still(**changes: float) -> AugmentParams:
    """Params that change nothing but what is named."""
    return AugmentParams.model_validate(STILL | changes)


def one_dot(x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    """A black picture with a soft dot at stored pixel (x, y), and landmarks all on the dot."""
    rows, columns = np.mgrid[:STORED, :STORED]
    dot = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8.0)
    image = np.repeat(dot.astype(np.uint8)[:, :, None], 3, axis=2)
    places = np.tile((np.array((x, y)) + 0.5 - MARGIN) / SIZE, (SCHEME.points, 1))
    return image, places.astype(np.float32)


def centre_of_light(image: np.ndarray) -> np.ndarray:
    """(x, y) of the mean brightness."""
    grey = image[:, :, 0].astype(float)
    rows, columns = np.mgrid[: grey.shape[0], : grey.shape[1]]
    return np.array(((columns * grey).sum(), (rows * grey).sum())) / grey.sum()


def run(
    params: AugmentParams, key: list[int], picture: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(key)
    pose = np.array((0.1, 0.2, 0.3), np.float32)
    return augment(*picture, pose, rng, params, SCHEME, SIZE, MARGIN)


@pytest.mark.parametrize("key", range(25))
def test_points_follow_a_drawn_dot(key: int) -> None:
    place = np.random.default_rng(key).uniform(60, 100, 2)
    params = still(rotate=40, shift=0.1, scale=0.2, mirror=0.5)
    crop, points, _ = run(params, [key], one_dot(*place))
    centre = centre_of_light(crop)
    assert np.abs(centre + 0.5 - points[0] * SIZE).max() < 0.2
    assert crop.shape == (SIZE, SIZE, 3) and crop.dtype == np.uint8


def test_no_change_cuts_out_the_inner_crop() -> None:
    image = np.random.default_rng(1).integers(0, 256, (STORED, STORED, 3), dtype=np.uint8)
    points = np.random.default_rng(2).random((68, 2), dtype=np.float32)
    crop, moved, pose = run(still(), [3], (image, points))
    np.testing.assert_array_equal(crop, image[MARGIN:-MARGIN, MARGIN:-MARGIN])
    np.testing.assert_allclose(moved, points, atol=1e-6)
    np.testing.assert_allclose(pose, (0.1, 0.2, 0.3), atol=1e-6)


def test_mirror_flips_the_picture_and_renumbers_the_points() -> None:
    image = np.random.default_rng(1).integers(0, 256, (STORED, STORED, 3), dtype=np.uint8)
    points = np.random.default_rng(2).random((68, 2), dtype=np.float32)
    crop, moved, _ = run(still(mirror=1.0), [5], (image, points))
    np.testing.assert_array_equal(crop, image[MARGIN:-MARGIN, MARGIN:-MARGIN][:, ::-1])
    left, right = SCHEME.eyes
    np.testing.assert_allclose(moved[left, 0], 1 - points[right, 0], atol=1e-6)
    np.testing.assert_allclose(moved[left, 1], points[right, 1], atol=1e-6)


def test_mirrored_twice_is_the_same_picture_and_points() -> None:
    image = np.random.default_rng(1).integers(0, 256, (STORED, STORED, 3), dtype=np.uint8)
    points = np.random.default_rng(2).random((68, 2), dtype=np.float32)
    pose = np.array((0.1, -0.4, 0.2), np.float32)
    once = run(still(mirror=1.0), [5], (image, points))
    rng = np.random.default_rng(6)
    twice = augment(
        once[0], once[1], rotate_pose(pose, 0, True), rng, still(mirror=1.0), SCHEME, SIZE, 0
    )
    np.testing.assert_array_equal(twice[0], image[MARGIN:-MARGIN, MARGIN:-MARGIN])
    np.testing.assert_allclose(twice[1], points, atol=1e-5)
    np.testing.assert_allclose(twice[2], pose, atol=1e-6)


@pytest.mark.parametrize(("angle", "flip"), [(0.4, False), (-0.3, True), (0.0, True)])
def test_the_pose_turns_as_the_head_does(angle: float, flip: bool) -> None:
    pose = np.array((0.2, -0.5, 0.1))
    across = np.diag((-1.0 if flip else 1.0, 1.0, 1.0))
    head = matrix_from_angles(np.array((0, 0, angle))) @ across @ matrix_from_angles(pose) @ across
    np.testing.assert_allclose(rotate_pose(pose, angle, flip), angles_from_matrix(head), atol=1e-6)


@pytest.mark.parametrize("margin", [0, 24])
def test_the_same_key_gives_the_same_face(make_faces: Callable, margin: int) -> None:
    faces = make_faces(count=1, size=48, margin=margin)
    results = [
        augment(
            faces.images[0], faces.landmarks[0], faces.pose[0], np.random.default_rng([1, 2, 3]),
            AugmentParams(), faces.scheme, 48, margin,
        )
        for _ in range(2)
    ]  # fmt: skip
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_key_gives_another_face() -> None:
    picture = one_dot(80, 80)
    one, other = run(AugmentParams(), [1], picture), run(AugmentParams(), [2], picture)
    assert (one[0] != other[0]).any()
    assert (one[1] != other[1]).any()


@pytest.mark.parametrize(
    "values",
    [
        {"occlude": 1.0},
        {"noise": 1.0},
        {"blur": 1.0},
        {"jpeg": 1.0},
        {"grey": 1.0},
        {"brightness": 0.5, "contrast": 0.5, "colour": 0.5},
    ],
)
def test_values_change_and_points_stay(make_faces: Callable, values: dict) -> None:
    faces = make_faces(count=1, points=68, size=SIZE, margin=MARGIN)
    crop, points, _ = run(still(**values), [4], (faces.images[0], faces.landmarks[0]))
    assert (crop != faces.crops([0])[0]).any()
    np.testing.assert_allclose(points, faces.landmarks[0], atol=1e-6)


def test_the_stored_picture_is_never_written_to(make_faces: Callable) -> None:
    faces = make_faces(count=1, points=68, size=SIZE, margin=MARGIN)
    before = faces.images.copy()
    faces.images.flags.writeable = False
    for key in range(20):
        run(AugmentParams(), [key], (faces.images[0], faces.landmarks[0]))
    np.testing.assert_array_equal(faces.images, before)


def test_occlusion_covers_a_part_only() -> None:
    image = np.full((STORED, STORED, 3), 77, np.uint8)
    points = np.zeros((68, 2), np.float32)
    shares = []
    for key in range(40):
        crop, _, _ = run(still(occlude=1.0, occlude_side=0.4), [key], (image, points))
        shares.append((crop != 77).any(axis=2).mean())
    assert 0 < np.mean(shares) < 0.3
    assert max(shares) <= 2 * 0.4**2 + 0.02


def test_the_ranges_are_kept() -> None:
    angles, scales, shifts = [], [], []
    for key in range(200):
        image, points = one_dot(79.5, 79.5)
        points[1] += (0.2, 0.0)
        _, moved, pose = run(still(rotate=30, scale=0.15, shift=0.1), [key], (image, points))
        arm = moved[1] - moved[0]
        angles.append(np.degrees(np.arctan2(arm[1], arm[0])))
        scales.append(np.linalg.norm(arm) / 0.2)
        shifts.append(np.abs(moved[0] - 0.5).max())
        assert pose[2] == pytest.approx(0.3 + np.radians(angles[-1]), abs=1e-4)
    assert 25 < max(angles) <= 30.01 and -30.01 <= min(angles) < -25
    assert 1.1 < max(scales) <= 1.151 and 0.849 <= min(scales) < 0.9
    assert 0.08 < max(shifts) <= 0.1001


def test_grey_pictures_have_equal_channels() -> None:
    image = np.random.default_rng(1).integers(0, 256, (STORED, STORED, 3), dtype=np.uint8)
    crop, _, _ = run(still(grey=1.0), [1], (image, np.zeros((68, 2), np.float32)))
    assert (crop[:, :, 0] == crop[:, :, 2]).all()
    np.testing.assert_array_equal(
        crop[:, :, 0], cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    )
