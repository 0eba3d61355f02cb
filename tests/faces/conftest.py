"""Drawn faces: pictures small enough to make in a test, with labels that are known exactly."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from fbnet.faces.faceset import FaceSet
from fbnet.faces.pose import HEAD, focal_length, matrix_from_angles
from fbnet.landmarks import SCHEMES

SIZE, MARGIN = 48, 12


def make_landmarks(points: int, seed: int) -> np.ndarray:
    """A frontal face in crop units, a little different for each seed; float32 [P, 2]."""
    scheme = SCHEMES[points]
    rng = np.random.default_rng([seed, points])
    half = rng.uniform(0.15, 0.85, (points, 2))
    both = (half + mirror_places(half, scheme.mirror)) / 2
    both[list(scheme.pose)] = project(np.zeros(3), 1.0)
    return (both + rng.uniform(-0.01, 0.01, both.shape)).astype(np.float32)


def mirror_places(points: np.ndarray, mirror: tuple[int, ...]) -> np.ndarray:
    """Points [P, 2] flipped around x = 0.5, numbers changed."""
    return points[list(mirror)] * (-1, 1) + (1, 0)


def project(angles: np.ndarray, side: float) -> np.ndarray:
    """The 14 model points as seen under pitch, yaw, roll in a crop of `side`; [14, 2]."""
    seen = HEAD @ matrix_from_angles(angles).T + (0.0, 0.0, 24.0 * focal_length(1.0))
    return focal_length(side) * seen[:, :2] / seen[:, 2:] + side / 2


def draw_face(landmarks: np.ndarray, side: int, seed: int) -> np.ndarray:
    """A smooth random picture with a dot on each landmark; uint8 [side, side, 3]."""
    rng = np.random.default_rng([seed, 7])
    coarse = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    for x, y in np.rint(landmarks).astype(int).tolist():
        cv2.circle(picture, (x, y), 1, (255, 255, 255), -1)
    return picture


@pytest.fixture
def make_faces() -> Callable[..., FaceSet]:
    """Make a small FaceSet: make_faces(count=12, points=106, size=48, margin=12)."""

    def make(count: int = 12, points: int = 106, size: int = SIZE, margin: int = MARGIN) -> FaceSet:
        landmarks = np.stack([make_landmarks(points, number) for number in range(count)])
        images = [
            draw_face(face * size + margin - 0.5, size + 2 * margin, number)
            for number, face in enumerate(landmarks)
        ]
        return FaceSet(
            images=np.stack(images),
            landmarks=landmarks,
            pose=np.random.default_rng(3).uniform(-0.3, 0.3, (count, 3)).astype(np.float32),
            split=(np.arange(count) % 3).astype(np.uint8),
            names=[f"face{number}" for number in range(count)],
            groups=[f"person{number // 2}" for number in range(count)],
            size=size,
            margin=margin,
            layout="drawn",
            source="drawn for a test",
        )

    return make
