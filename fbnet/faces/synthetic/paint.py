"""The face patch: a flat picture of the face's front that marks are painted on."""

from dataclasses import dataclass

import cv2
import numpy as np

from fbnet.faces.synthetic.sampling import sample


@dataclass(frozen=True)
class Patch:
    """A rectangle in (angle about the vertical axis, height) cut into square-ish texels."""

    reach: float
    low: float
    high: float
    texel: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return round((self.high - self.low) / self.texel), round(2 * self.reach / self.texel)

    def pixels(self, angle: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Columns and rows in texels (centres at whole numbers) of angles and heights."""
        return (angle + self.reach) / self.texel - 0.5, (self.high - height) / self.texel - 0.5

    def read(self, picture: np.ndarray, angle: np.ndarray, height: np.ndarray) -> np.ndarray:
        """Values of a uint8 picture, 0..1; the border's value outside."""
        x, y = self.pixels(angle, height)
        return sample(picture, x, y).astype(np.float32) * np.float32(1 / 255)


FACE_PATCH = Patch(reach=1.45, low=5.9, high=8.2, texel=0.0065)
FOREHEAD = np.arange(7.68, 7.95, 0.075)
FOLD = ((0.24, 6.86), (0.33, 6.76), (0.39, 6.62), (0.40, 6.5))
"""The fold from nose to mouth, angle and height."""
CROW = (0.62, 7.29)
"""Where the wrinkles at the outer eye corner start."""


def paint_marks(rng: np.random.Generator, age: float) -> np.ndarray:
    """Freckles, moles and wrinkles over the face patch: darkness, uint8 (0 is bare skin)."""
    marks: np.ndarray = np.zeros(FACE_PATCH.shape, np.uint8)
    if age > 0.55:
        _wrinkles(marks, rng, min(1.0, (age - 0.5) * 2))
        marks = cv2.GaussianBlur(marks, (0, 0), 1.6)
    if rng.random() < 0.3:
        _freckles(marks, rng, int(rng.integers(10, 150)))
    for _ in range(int(rng.integers(0, 4))):
        _dot(marks, rng.uniform(-1, 1), rng.uniform(6.3, 7.9), int(rng.integers(90, 190)), 2)
    return cv2.GaussianBlur(marks, (0, 0), 0.8)


def _dot(marks: np.ndarray, angle: float, height: float, shade: int, radius: int) -> None:
    x, y = FACE_PATCH.pixels(np.asarray(angle), np.asarray(height))
    cv2.circle(marks, (int(x), int(y)), radius, shade, -1, cv2.LINE_AA)


def _freckles(marks: np.ndarray, rng: np.random.Generator, count: int) -> None:
    for _ in range(count):
        angle, height = rng.normal(0, 0.45), rng.normal(7.0, 0.2)
        _dot(marks, angle, height, int(rng.integers(25, 90)), int(rng.integers(1, 3)))


def _line(marks: np.ndarray, places: np.ndarray, shade: float, width: int) -> None:
    points = np.stack(FACE_PATCH.pixels(places[:, 0], places[:, 1]), axis=1)
    cv2.polylines(
        marks, [np.round(points * 8).astype(np.int32)], False, int(shade), width, cv2.LINE_AA, 3
    )


def _wrinkles(marks: np.ndarray, rng: np.random.Generator, strength: float) -> None:
    """Forehead lines, crow's feet and nose-to-mouth folds."""
    across = np.linspace(-0.5, 0.5, 16)
    for height in FOREHEAD:
        wave = 0.02 * np.sin(6 * across + rng.uniform(0, 6)) + rng.normal(0, 0.004, 16)
        _line(marks, np.stack([across, height + wave], axis=1), 110 * strength, 2)
    for side in (-1, 1):
        fold = np.array(FOLD) * [side, 1] + rng.normal(0, 0.01, 2)
        _line(marks, fold, 130 * strength, 3)
        for rise in (-0.09, -0.03, 0.04):
            start = np.array([side * CROW[0], CROW[1] + rise * 0.6])
            end = start + np.array([side * rng.uniform(0.1, 0.2), rise])
            _line(marks, np.stack([start, end]), 90 * strength, 2)
