"""From a picture and where its face is to the model's crop, and from landmarks back to pixels."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.crop import SMALLEST, cut
from fbnet.params import CROP_SCALE
from fbnet.predict.runtime import OnnxModel


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
    """Cut `place` out, as faces are cut for training."""
    image, inside = cut(picture, place.points, size, 0, place.scale)
    # Where two of the points went tells the whole map, rounding to whole pixels included.
    low, high = place.points[:, 0].argmin(), place.points[:, 0].argmax()
    side = np.ptp(place.points[[low, high], 0]) / np.ptp(inside[[low, high], 0].astype(float))
    return Crop(image, place.points[low] - inside[low] * side, float(side))


def whole(picture: np.ndarray) -> Place:
    """All of a picture, for one that is a face crop already."""
    height, width = picture.shape[:2]
    return Place(np.array([(-0.5, -0.5), (width - 0.5, height - 0.5)]), 1.0)


def boxed(box: Sequence[float], scale: float) -> Place:
    """A face whose landmarks fill `box` (x, y, width, height in pixels). Raises BadInput."""
    x, y, width, height = box
    if min(width, height) < SMALLEST:
        raise BadInput(f"box of {width:g} x {height:g} pixels: give at least {SMALLEST:g} each")
    corners = [(x - 0.5, y - 0.5), (x + width - 0.5, y + height - 0.5)]
    return Place(np.array(corners), scale)


def crop_scale(model: OnnxModel) -> float:
    """Side of the crop in units of the longer side of the landmarks' box, as the file says."""
    said = json.loads(model.metadata.get("preprocessing", "{}"))
    return float(said.get("crop_scale", CROP_SCALE))
