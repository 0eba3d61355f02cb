"""Where the face is: crops of pictures, landmarks back in pixels, and a face over the frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.crop import SMALLEST, cut
from fbnet.predict.model import OnnxModel

SETTLE = 3
"""Predictions on the first frame of a video, each on the crop that the last one leads to."""
LARGEST = 2.0
"""Longest side of a face, in units of the frame's longer side."""


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


def boxed(box: Sequence[float], scale: float) -> Place:
    """A face whose landmarks fill `box` (x, y, width, height in pixels).

    Raises BadInput when it is smaller than `SMALLEST` pixels.
    """
    x, y, width, height = box
    if min(width, height) < SMALLEST:
        raise BadInput(f"box of {width:g} x {height:g} pixels: give at least {SMALLEST:g} each")
    corners = [(x - 0.5, y - 0.5), (x + width - 0.5, y + height - 0.5)]
    return Place(np.array(corners), scale)


class Follower:
    """Follows one face from frame to frame: each crop is cut around the last landmarks.

    It starts from `start` or from the whole frame, and starts again where the landmarks can be no
    face in the frame.
    """

    def __init__(self, model: OnnxModel, start: Place | None = None) -> None:
        self._model, self._start = model, start
        self._last: Place | None = None

    def __call__(self, frame: np.ndarray) -> tuple[np.ndarray, Crop]:
        """Landmarks [P, 2] in pixels of the frame uint8 [H, W, 3], and the crop they are from."""
        place = self._last
        for _ in range(1 if place else SETTLE):
            face = crop(frame, place or self._start or whole(frame), self._model.size)
            landmarks = face.to_picture(self._model.predict(face.image[None])[0])
            possible = _can_be_face(landmarks, frame)
            place = Place(landmarks, self._model.crop_scale) if possible else None
        self._last = place
        return landmarks, face


def _can_be_face(landmarks: np.ndarray, frame: np.ndarray) -> bool:
    """Whether a face of the landmarks' size and place can be in the frame."""
    height, width = frame.shape[:2]
    side = float(np.ptp(landmarks, axis=0).max())
    x, y = landmarks.mean(axis=0)
    return SMALLEST <= side <= LARGEST * max(width, height) and 0 <= x < width and 0 <= y < height
