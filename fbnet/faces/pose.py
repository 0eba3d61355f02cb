"""Head pose: angles, rotation matrices, and the estimate from landmarks.

Camera frame: x right, y down, z away from the camera. A face that looks into the camera has the
identity as rotation. R = Rz(roll) @ Rx(pitch) @ Ry(yaw), right-handed, radians. Positive pitch
looks down, positive yaw looks to the picture's left, positive roll tips the head clockwise as seen.
A mirrored face has the same pitch and the negated yaw and roll.

Published recipes differ: degrees, 60 degrees of view, one sign wrong in the model, another order
of rotations. Their angles and these do not compare.
"""

import cv2
import numpy as np

from fbnet.landmarks import Scheme
from fbnet.params import LEAST_POSE

FIELD_OF_VIEW = np.radians(20.0)
"""Angle that a crop around a face spans: narrow, as seen from arm's length or more."""

_RIGID = (
    (6.825897, 6.760612, 4.402142),  # outer brow
    (1.330353, 7.122144, 6.903745),  # inner brow
    (5.311432, 5.485328, 3.987654),  # outer eye corner
    (1.789930, 5.393625, 4.413414),  # inner eye corner
    (2.005628, 1.409845, 6.165652),  # side of the nose
    (2.774015, -2.080775, 5.048531),  # corner of the mouth
)
_MIDDLE = (
    (0.0, -3.116408, 6.097667),  # lower lip
    (0.0, -7.415691, 4.070434),  # chin
)


def _head_model() -> np.ndarray:
    """The 14 points of `Scheme.pose`, float64 [14, 3], in the camera's axes.

    The source model has y up and z towards the viewer: negated, a frontal face is the identity.
    Picture-left points have positive x there.
    """
    brow_out, brow_in, eye_out, eye_in, nose, mouth = _RIGID
    order = (brow_out, brow_in, eye_out, eye_in)
    left_to_right = []
    for outer, inner in (order[:2], order[2:]):
        left_to_right += [outer, inner, _across(inner), _across(outer)]
    for point in (nose, mouth):
        left_to_right += [point, _across(point)]
    return -np.array([*left_to_right, *_MIDDLE])


def _across(point: tuple[float, float, float]) -> tuple[float, float, float]:
    """The point's counterpart on the other half of the face."""
    return (-point[0], point[1], point[2])


HEAD = _head_model()
"""The rigid head: float64 [14, 3] in its own unit (about a centimetre)."""


def focal_length(side: float) -> float:
    """Focal length in pixels of a camera that sees a crop of `side` pixels."""
    return float(side / 2 / np.tan(FIELD_OF_VIEW / 2))


def matrix_from_angles(angles: np.ndarray) -> np.ndarray:
    """Rotation matrices float64 [..., 3, 3] of pitch, yaw, roll [..., 3] in radians."""
    pitch, yaw, roll = np.moveaxis(np.asarray(angles, dtype=np.float64), -1, 0)
    return _turn(roll, 0, 1) @ _turn(pitch, 1, 2) @ _turn(yaw, 2, 0)


def angles_from_matrix(matrix: np.ndarray) -> np.ndarray:
    """Pitch, yaw, roll float64 [..., 3] in radians of rotation matrices [..., 3, 3].

    Pitch lies in -pi/2..pi/2. At its ends only the sum of yaw and roll is defined.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    pitch = np.arcsin(np.clip(matrix[..., 2, 1], -1.0, 1.0))
    yaw = np.arctan2(-matrix[..., 2, 0], matrix[..., 2, 2])
    roll = np.arctan2(-matrix[..., 0, 1], matrix[..., 1, 1])
    return np.stack([pitch, yaw, roll], axis=-1)


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Angle [...] in radians of the turn from one pose to the other, each [..., 3]."""
    turn = np.swapaxes(matrix_from_angles(one), -1, -2) @ matrix_from_angles(other)
    cosine = (np.trace(turn, axis1=-2, axis2=-1) - 1.0) / 2.0
    return np.arccos(np.clip(cosine, -1.0, 1.0))


def _turn(angle: np.ndarray, one: int, other: int) -> np.ndarray:
    """Rotation [..., 3, 3] that takes axis `one` towards axis `other`."""
    matrix = np.zeros((*np.shape(angle), 3, 3))
    matrix[...] = np.eye(3)
    matrix[..., one, one] = matrix[..., other, other] = np.cos(angle)
    matrix[..., other, one] = np.sin(angle)
    matrix[..., one, other] = -np.sin(angle)
    return matrix


def estimate(landmarks: np.ndarray, scheme: Scheme, side: float) -> np.ndarray:
    """Pitch, yaw, roll float32 [3] in radians of landmarks [P, 2] in pixels of a crop of `side`.

    Least squares of the projected head model from a start that is upright along the eyes. NaN for
    a scheme without the head's points, and where fewer than `LEAST_POSE` of them were seen.
    """
    if not scheme.pose:
        return np.full(3, np.nan, np.float32)
    points, numbers = landmarks.astype(np.float64), np.array(scheme.pose)
    there = np.isfinite(points[numbers, 0]) & (numbers >= 0)
    if there.sum() < LEAST_POSE:
        return np.full(3, np.nan, np.float32)
    head, seen = HEAD[there], points[numbers[there]]
    focal = focal_length(side)
    camera = np.array([[focal, 0.0, side / 2], [0.0, focal, side / 2], [0.0, 0.0, 1.0]])
    # The start: a frontal face with the roll, place and size of the points.
    eyes = points[scheme.eyes[1]] - points[scheme.eyes[0]]
    rotation = np.array([[0.0], [0.0], [np.arctan2(eyes[1], eyes[0])]])
    spread = max(float(seen.std(axis=0).max()), 1e-6)
    depth = focal * float(head[:, :2].std(axis=0).max()) / spread
    x, y = (seen.mean(axis=0) - side / 2) * depth / focal
    shift = np.array([[x], [y], [depth]])
    cv2.solvePnP(head, seen, camera, None, rotation, shift, True, cv2.SOLVEPNP_ITERATIVE)
    return angles_from_matrix(cv2.Rodrigues(rotation)[0]).astype(np.float32)
