"""Landmarks of a face from frame to frame: each crop follows from the last landmarks."""

import numpy as np

from fbnet.faces.crop import SMALLEST
from fbnet.predict.crops import Crop, Place, crop, crop_scale, whole
from fbnet.predict.runtime import OnnxModel

SETTLE = 3
"""Times the first frame is looked at, each time where the last look found the face."""
LARGEST = 2.0
"""Longest side of a face, in units of the frame's longer side."""


class Follower:
    """Follows one face, from `start` on or from the whole frame.

    There it also starts anew when what it follows can be no face in the frame.
    """

    def __init__(self, model: OnnxModel, start: Place | None = None) -> None:
        self._model, self._scale, self._start = model, crop_scale(model), start
        self._last: Place | None = None

    def __call__(self, frame: np.ndarray) -> tuple[np.ndarray, Crop]:
        """Landmarks [P, 2] in pixels of the frame uint8 [H, W, 3], and the crop they are from."""
        place = self._last
        for _ in range(1 if place else SETTLE):
            found = crop(frame, place or self._start or whole(frame), self._model.size)
            landmarks = found.to_picture(self._model.predict(found.image[None])[0])
            place = Place(landmarks, self._scale) if _possible(landmarks, frame) else None
        self._last = place
        return landmarks, found


def _possible(landmarks: np.ndarray, frame: np.ndarray) -> bool:
    """Whether a face of that size and place can be in the frame."""
    height, width = frame.shape[:2]
    side = float(np.ptp(landmarks, axis=0).max())
    x, y = landmarks.mean(axis=0)
    return SMALLEST <= side <= LARGEST * max(width, height) and 0 <= x < width and 0 <= y < height
