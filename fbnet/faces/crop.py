"""From a photograph and its landmarks to a square crop with a margin (NNI's preparation)."""

from pathlib import Path

import cv2
import numpy as np

from fbnet.errors import BadInput

FURTHEST = 0.5
"""How far outside the picture a point may lie, in units of the landmarks' box."""
SMALLEST = 8.0
"""Shortest side of a usable landmarks' box in pixels."""


def load_picture(path: Path) -> np.ndarray:
    """The picture as OpenCV reads it, uint8 [H, W, 3] BGR. Raises BadInput when it is broken."""
    try:
        picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, OSError):
        picture = None
    if picture is None:
        raise BadInput(
            f"picture {path.name} is broken or no picture; replace it or remove its label"
        )
    return np.asarray(picture)


def face_box(points: np.ndarray, scale: float) -> tuple[np.ndarray, float]:
    """Centre (x, y) and side of the square around points [P, 2]: `scale` times the longer side."""
    low, high = points.min(axis=0), points.max(axis=0)
    return (low + high) / 2, float(scale * (high - low).max())


def check_points(points: np.ndarray, picture: np.ndarray) -> None:
    """Raise BadInput when points [P, 2] in pixels cannot belong to this picture."""
    height, width = picture.shape[:2]
    extent = float(np.ptp(points, axis=0).max())
    if extent < SMALLEST:
        raise BadInput(f"the points span {extent:.1f} pixels only; remove the face")
    beyond = np.maximum(-points, points - (width - 1, height - 1)).max(axis=1)
    worst = int(beyond.argmax())
    if beyond[worst] > FURTHEST * extent:
        x, y = points[worst]
        raise BadInput(
            f"point {worst} at ({x:.0f}, {y:.0f}) lies far outside the picture of {width} x "
            f"{height} pixels; mend the label or the picture"
        )


def cut(
    picture: np.ndarray, points: np.ndarray, size: int, margin: int, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a face out of a photograph.

    The inner crop is the square of `face_box` at `size` pixels; `margin` more are kept on each
    side, black beyond the photograph. points: [P, 2] in pixels,
    whole numbers being pixel centres.
    Returns uint8 [S, S, 3] with S = size + 2 * margin, and landmarks float32 [P, 2] in units of
    the inner crop.
    """
    centre, side = face_box(points, scale)
    extent = max(round(side * (size + 2 * margin) / size), 1)
    corner = np.rint(centre - (extent - 1) / 2).astype(int)
    return _resize(_region(picture, corner, extent), points + 0.5 - corner, size, margin)


def fit(picture: np.ndarray, shares: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Bring a face that is cropped already to `size`; points as shares of its side.

    Returns as `cut` does, without a margin. Raises BadInput when the picture is not square.
    """
    height, width = picture.shape[:2]
    if height != width:
        raise BadInput(
            f"a cropped face must be square, this is {width} x {height} pixels; crop anew"
        )
    return _resize(picture, shares * width, size, 0)


def _region(picture: np.ndarray, corner: np.ndarray, extent: int) -> np.ndarray:
    """The square of `extent` pixels from `corner` (x, y) on, black beyond the picture."""
    height, width = picture.shape[:2]
    left, top = (int(value) for value in corner)
    region = np.zeros((extent, extent, 3), np.uint8)
    rows = slice(max(top, 0), min(top + extent, height))
    columns = slice(max(left, 0), min(left + extent, width))
    part = picture[rows, columns]
    if part.size:
        y, x = rows.start - top, columns.start - left
        region[y : y + part.shape[0], x : x + part.shape[1]] = part
    return region


def _resize(
    region: np.ndarray, points: np.ndarray, size: int, margin: int
) -> tuple[np.ndarray, np.ndarray]:
    """Scale a square region and points [P, 2], in pixels from its edge, to size + 2 * margin."""
    side, extent = size + 2 * margin, region.shape[0]
    if side != extent:
        quality = cv2.INTER_AREA if side < extent else cv2.INTER_LINEAR
        region = cv2.resize(region, (side, side), interpolation=quality)
    return region, ((points * (side / extent) - margin) / size).astype(np.float32)
