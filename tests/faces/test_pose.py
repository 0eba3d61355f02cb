"""Head pose on known rotations."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from fbnet.faces.pose import (
    HEAD,
    angles_from_matrix,
    estimate,
    focal_length,
    matrix_from_angles,
)
from fbnet.landmarks import SCHEMES, Scheme
from tests.drawn import mirror_places

SIDE = 112
GRID = list(
    itertools.product(
        np.radians([-30, 0, 30]), np.radians([-60, -30, 0, 30, 60]), np.radians([-30, 0, 30])
    )
)


def seen_under(angles: np.ndarray, scheme: Scheme, field_of_view: float = 20.0) -> np.ndarray:
    """Landmarks [P, 2] of the model under a rotation; only the 14 pose points are set."""
    focal = SIDE / 2 / np.tan(np.radians(field_of_view) / 2)
    placed = HEAD @ matrix_from_angles(angles).T + (1.0, -0.5, 25.0 * focal / SIDE)
    points = np.zeros((scheme.points, 2))
    points[list(scheme.pose)] = focal * placed[:, :2] / placed[:, 2:] + SIDE / 2
    return points


def estimates(faces: np.ndarray, scheme: Scheme) -> np.ndarray:
    """Pose [N, 3] of landmarks [N, P, 2]."""
    return np.stack([estimate(landmarks, scheme, SIDE) for landmarks in faces])


@pytest.fixture(params=sorted(SCHEMES))
def scheme(request: pytest.FixtureRequest) -> Scheme:
    return SCHEMES[request.param]


def test_known_rotations_are_found(scheme: Scheme) -> None:
    seen = np.stack([seen_under(np.array(angles), scheme) for angles in GRID])
    error = np.degrees(np.abs(estimates(seen, scheme) - np.array(GRID)))
    assert error.mean(axis=0).max() < 0.1


def test_another_camera_costs_less_than_two_degrees(scheme: Scheme) -> None:
    seen = np.stack([seen_under(np.array(angles), scheme, 12.0) for angles in GRID])
    error = np.degrees(np.abs(estimates(seen, scheme) - np.array(GRID)))
    assert error.mean(axis=0).max() < 2.0


def test_a_pixel_of_noise_costs_a_few_degrees(scheme: Scheme) -> None:
    rng = np.random.default_rng(1)
    seen = np.stack([seen_under(np.array(angles), scheme) for angles in GRID])
    noisy = seen + rng.normal(0, 0.7, seen.shape)
    error = np.degrees(np.abs(estimates(noisy, scheme) - np.array(GRID)))
    assert error.mean(axis=0).max() < 3.0


@pytest.mark.parametrize("angles", [(0.2, 0.5, -0.3), (-0.4, -0.9, 0.6)])
def test_mirrored_landmarks_give_the_mirrored_pose(
    scheme: Scheme, angles: tuple[float, float, float]
) -> None:
    seen = seen_under(np.array(angles), scheme)
    pitch, yaw, roll = estimate(mirror_places(seen / SIDE, scheme.mirror) * SIDE, scheme, SIDE)
    np.testing.assert_allclose((pitch, -yaw, -roll), angles, atol=1e-3)


def test_size_and_place_in_the_crop_hardly_matter(scheme: Scheme) -> None:
    angles = np.array((0.1, -0.4, 0.2))
    seen = seen_under(angles, scheme)
    small = (seen - SIDE / 2) * 0.6 + SIDE / 2 + (5, -4)
    assert np.degrees(np.abs(estimate(small, scheme, SIDE) - angles)).max() < 3.0


def test_positive_angles_mean_what_the_docs_say() -> None:
    brow, chin, nose = HEAD[:4].mean(axis=0), HEAD[13], HEAD[8:10].mean(axis=0)
    down, left, clockwise = (matrix_from_angles(row) for row in np.eye(3) * 0.3)
    assert (down @ nose)[1] > nose[1]
    assert (left @ nose)[0] < nose[0]
    assert (clockwise @ brow)[0] > 0 > (clockwise @ chin)[0]


def test_the_frontal_model_stands_upright_before_the_camera() -> None:
    left_eye, right_eye, chin = HEAD[4], HEAD[7], HEAD[13]
    assert left_eye[0] < 0 < right_eye[0]
    assert chin[1] > left_eye[1]
    assert HEAD[8, 0] == -HEAD[9, 0] < 0


def test_angles_and_matrices_are_inverse() -> None:
    angles = np.random.default_rng(2).uniform(-1.4, 1.4, (50, 3))
    matrices = matrix_from_angles(angles)
    np.testing.assert_allclose(angles_from_matrix(matrices), angles, atol=1e-9)
    np.testing.assert_allclose(
        matrices @ np.swapaxes(matrices, -1, -2), np.tile(np.eye(3), (50, 1, 1)), atol=1e-12
    )


def test_the_order_of_rotations_is_roll_pitch_yaw() -> None:
    pitch, yaw, roll = np.diag((0.3, 0.5, 0.7))
    np.testing.assert_allclose(
        matrix_from_angles(np.array((0.3, 0.5, 0.7))),
        matrix_from_angles(roll) @ matrix_from_angles(pitch) @ matrix_from_angles(yaw),
    )


def test_the_view_is_twenty_degrees() -> None:
    assert np.degrees(2 * np.arctan(SIDE / 2 / focal_length(SIDE))) == pytest.approx(20.0)


def test_points_in_one_place_give_a_finite_pose(scheme: Scheme) -> None:
    assert np.isfinite(estimate(np.full((scheme.points, 2), 7.0), scheme, SIDE)).all()


def test_the_drawn_faces_look_straight_ahead(make_faces: Callable) -> None:
    faces = make_faces(count=4)
    poses = estimates(faces.landmarks * SIDE, faces.scheme)
    assert np.degrees(np.abs(poses)).max() < 12
