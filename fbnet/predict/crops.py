"""Where the face is: boxes that people give, crops of pictures, landmarks back in pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.crop import SMALLEST, cut

LARGEST = 2.0
"""Longest side of a face, in units of the picture's longer side."""


@dataclass(frozen=True)
class Place:
    """Where a face is: the square around `points` [n, 2] in pixels, `scale` times their side."""

    points: np.ndarray
    scale: float


@dataclass(frozen=True)
class Crop:
    """A crop uint8 [S, S, 3], and where its edges lie in the picture: (x, y) and side, pixels."""

    image: np.ndarray
    corner: np.ndarray
    side: float

    def to_picture(self, landmarks: np.ndarray) -> np.ndarray:
        """Landmarks [P, 2] of the crop (0..1) in pixels; whole numbers are pixel centres."""
        return landmarks * self.side + self.corner


def crop(picture: np.ndarray, place: Place, size: int) -> Crop:
    """Cut `place` out at `size` pixels, as faces are cut for training."""
    image, inside = cut(picture, place.points, size, 0, place.scale)
    # Two of the points, before and after, give the whole map, rounding to whole pixels included.
    low, high = place.points[:, 0].argmin(), place.points[:, 0].argmax()
    side = np.ptp(place.points[[low, high], 0]) / np.ptp(inside[[low, high], 0].astype(float))
    return Crop(image, place.points[low] - inside[low] * side, float(side))


def whole(picture: np.ndarray) -> Place:
    """All of a picture, for one that is a face crop already."""
    height, width = picture.shape[:2]
    return Place(np.array([(-0.5, -0.5), (width - 0.5, height - 0.5)]), 1.0)


def check_box(box: Sequence[float]) -> None:
    """Raise BadInput unless x, y, width, height are finite and at least `SMALLEST` pixels wide."""
    if np.shape(box) != (4,):
        raise BadInput(f"box {box}: give x, y, width, height in pixels for each face")
    shown = " ".join(f"{value:g}" for value in box)
    if not np.isfinite(box).all():
        raise BadInput(f"box {shown}: give four finite numbers, x y width height in pixels")
    if min(box[2:]) < SMALLEST:
        raise BadInput(f"box of {box[2]:g} x {box[3]:g} pixels: give at least {SMALLEST:g} each")


def boxed(box: Sequence[float], scale: float, picture: np.ndarray) -> Place:
    """A face in `picture` whose landmarks fill `box` (x, y, width, height in pixels).

    Raises BadInput where `check_box` does, when the centre of the box lies outside the picture,
    and when no face of its size can be in the picture.
    """
    check_box(box)
    x, y, width, height = box
    rows, columns = picture.shape[:2]
    inside = 0 <= x + width / 2 < columns and 0 <= y + height / 2 < rows
    if not inside or max(width, height) > LARGEST * max(rows, columns):
        raise BadInput(
            f"box {x:g} {y:g} {width:g} {height:g} lies outside the picture of "
            f"{columns} x {rows} pixels; give x y width height around the face's landmarks"
        )
    corners = [(x - 0.5, y - 0.5), (x + width - 0.5, y + height - 0.5)]
    return Place(np.array(corners), scale)


def can_be_face(landmarks: np.ndarray, picture: np.ndarray) -> bool:
    """Whether a face of the size and place of landmarks [P, 2] can be in the picture."""
    height, width = picture.shape[:2]
    side = float(np.ptp(landmarks, axis=0).max())
    x, y = landmarks.mean(axis=0)
    return SMALLEST <= side <= LARGEST * max(width, height) and 0 <= x < width and 0 <= y < height
