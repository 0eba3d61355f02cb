"""Signs and sizes of pose, perspective and crop."""

import numpy as np
import pytest

from fbnet.faces import pose
from fbnet.faces.synthetic.camera import FLIP, TILT, make_camera
from fbnet.faces.synthetic.head import Head

NOSE, CHIN, LEFT_CORNER, RIGHT_CORNER = 86, 0, 35, 93


def _seen(head: Head, pitch: float, yaw: float, roll: float) -> np.ndarray:
    points = (head.vertices[head.landmark_vertices] * head.landmark_weights[..., None]).sum(1)
    camera = make_camera(np.array([pitch, yaw, roll]), 6.9, 1000.0)
    return camera.project(camera.place(points.astype(np.float32)))


def test_positive_pitch_looks_down(head: Head) -> None:
    level, down = _seen(head, 0, 0, 0), _seen(head, 0.3, 0, 0)
    eyes = [LEFT_CORNER, RIGHT_CORNER]
    assert down[NOSE, 1] - down[eyes, 1].mean() > level[NOSE, 1] - level[eyes, 1].mean() + 0.05


def test_positive_yaw_looks_to_the_left_of_the_picture(head: Head) -> None:
    turned = _seen(head, 0, 0.4, 0)
    assert turned[NOSE, 0] < turned[[LEFT_CORNER, RIGHT_CORNER], 0].mean() - 0.1


def test_positive_roll_tips_clockwise(head: Head) -> None:
    tipped = _seen(head, 0, 0, 0.4)
    rise = tipped[RIGHT_CORNER] - tipped[LEFT_CORNER]
    assert np.arctan2(rise[1], rise[0]) == pytest.approx(0.4, abs=1e-3)


@pytest.mark.parametrize("angles", [(0.2, -0.5, 0.1), (-0.3, 0.8, -0.4), (0, 0, 0)])
def test_same_convention_as_the_pose_module(angles: tuple[float, float, float]) -> None:
    head = FLIP @ make_camera(np.array(angles), 6.9, 10).head @ FLIP
    level = head @ pose.matrix_from_angles(np.array([TILT, 0, 0]))
    assert pose.angles_from_matrix(level) == pytest.approx(angles, abs=1e-6)


def test_nearer_is_larger(head: Head) -> None:
    camera = make_camera(np.zeros(3), 6.9, 8.0)
    near, far = camera.project(np.array([[1, 1, 1], [1, 1, -1]], np.float32))
    assert near[0] > 1 > far[0]
    assert near[1] < -1 < far[1]
