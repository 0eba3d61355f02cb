"""Eyebrows: the drawn shape, which also places the brow landmarks, and the hairs."""

from dataclasses import dataclass

import cv2
import numpy as np

from fbnet.faces.synthetic.draws import Draws
from fbnet.faces.synthetic.head import Head
from fbnet.faces.synthetic.paint import FACE_PATCH

ACROSS = np.array([0.125, 0.24, 0.37, 0.495, 0.61])
UPPER = np.array([7.465, 7.505, 7.53, 7.50, 7.41])
LOWER = np.array([7.39, 7.42, 7.445, 7.425, 7.41])
"""The mean brow on the neutral head, inner to outer end: x, upper and lower y in decimetres."""


@dataclass(frozen=True, eq=False)
class BrowShape:
    """Edges of one brow [5], inner to outer end, frontal x and y on the neutral head."""

    across: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    density: float
    darkness: float


def draw_brows(draws: Draws, male: float) -> BrowShape:
    """Draw height, thickness, arch, gap and length."""
    rng = draws.person("brows")
    thick = rng.uniform(0.5, 1.05) + 0.25 * male
    middle = (UPPER + LOWER) / 2 + rng.uniform(-0.04, 0.04)
    middle = middle + rng.uniform(-0.5, 1.0) * 0.03 * np.sin(np.linspace(0, np.pi, 5))
    across = ACROSS + np.linspace(rng.uniform(-0.035, 0.03), rng.uniform(-0.04, 0.05), 5)
    half = (UPPER - LOWER) / 2 * thick
    return BrowShape(
        across, middle + half, middle - half, rng.uniform(0.45, 1.0), rng.uniform(0.6, 1.0)
    )


def brow_points(head: Head, shape: BrowShape, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Surface points of one brow (side 1 is the image's right): vertices [9,3], weights [9,3].

    Five along the upper edge, inner to outer end (the tip lies halfway), then four along the lower.
    """
    tip = (shape.upper[4] + shape.lower[4]) / 2
    x = side * np.concatenate([shape.across, shape.across[:4]])
    y = np.concatenate([shape.upper[:4], [tip], shape.lower[:4]])
    return head.frontal.cast(x, y)


def paint_brows(head: Head, shape: BrowShape, rng: np.random.Generator) -> np.ndarray:
    """Density of brow hair over the face patch, uint8."""
    density: np.ndarray = np.zeros(FACE_PATCH.shape, np.uint8)
    for side in (1, -1):
        upper = _on_patch(head, side * shape.across, shape.upper)
        lower = _on_patch(head, side * shape.across, shape.lower)
        outline = np.round(np.concatenate([upper, lower[::-1]]) * 8).astype(np.int32)
        fill: np.ndarray = np.zeros_like(density)
        cv2.fillPoly(fill, [outline], int(120 * shape.density), cv2.LINE_AA, 3)
        fill = cv2.GaussianBlur(fill, (0, 0), 2.0)
        _hairs(fill, upper, lower, shape.density, rng)
        np.maximum(density, fill, out=density)
    density = cv2.GaussianBlur(density, (0, 0), 1.0)
    return cv2.convertScaleAbs(density, alpha=shape.darkness)


def _on_patch(head: Head, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Patch pixels [n,2] of frontal places."""
    vertices, weights = head.frontal.cast(x, y)
    angle = (head.angle[vertices] * weights).sum(1)
    height = (head.vertices[:, 1][vertices] * weights).sum(1)
    return np.stack(FACE_PATCH.pixels(angle, height), axis=1)


def _hairs(
    canvas: np.ndarray,
    upper: np.ndarray,
    lower: np.ndarray,
    density: float,
    rng: np.random.Generator,
) -> None:
    """Short strokes along the brow, rising at the inner end; drawn onto `canvas`."""
    count = int(150 * density)
    along = rng.random(count) * 3.9
    step = along.astype(int)
    part = (along - step)[:, None]
    top = upper[step] * (1 - part) + upper[step + 1] * part
    bottom = lower[step] * (1 - part) + lower[step + 1] * part
    root = bottom + (top - bottom) * rng.random((count, 1))
    ahead = upper[step + 1] - upper[step]
    ahead = ahead / np.linalg.norm(ahead, axis=1, keepdims=True)
    tip = root + ahead * rng.uniform(6, 14, (count, 1))
    tip[:, 1] -= rng.uniform(0, 6, count) * (1 - along / 4)
    strokes = np.round(np.stack([root, tip], axis=1) * 8).astype(np.int32)
    for shade, group in zip((150, 200, 250), np.array_split(strokes, 3), strict=True):
        cv2.polylines(canvas, list(group), False, shade, 1, cv2.LINE_AA, 3)
