"""Noise, and reading pictures at scattered places."""

import cv2
import numpy as np

ROW = 512
"""Width of the map handed to cv2.remap, which takes no side beyond 32767."""


def sample(picture: np.ndarray, x: np.ndarray, y: np.ndarray, wrap: bool = False) -> np.ndarray:
    """Bilinear values of `picture` [h,w(,c)] at x, y [n] in pixels (centres at whole numbers)."""
    count = len(x)
    if count == 0:
        return np.zeros((0, *picture.shape[2:]), np.float32)
    rows = -(-count // ROW)
    columns, lines = np.zeros((2, rows * ROW), np.float32)
    columns[:count], lines[:count] = x, y
    border = cv2.BORDER_WRAP if wrap else cv2.BORDER_REPLICATE
    read = cv2.remap(
        picture,
        columns.reshape(rows, ROW),
        lines.reshape(rows, ROW),
        cv2.INTER_LINEAR,
        borderMode=border,
    )
    return read.reshape(rows * ROW, *picture.shape[2:])[:count]


def cloud(
    rng: np.random.Generator, height: int, width: int, fall: float, low: int = 2, high: int = 128
) -> np.ndarray:
    """Smooth noise, float32 [h,w] of standard deviation 1: octaves of `low`..`high` cells a side.

    Amplitude falls as frequency ** -fall.
    """
    total, cells, longer = np.zeros((height, width), np.float32), low, max(height, width)
    while cells <= high:
        rows = max(2, cells * height // longer + 1)
        columns = max(2, cells * width // longer + 1)
        grid = rng.standard_normal((rows, columns)).astype(np.float32)
        octave = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        total += octave * np.float32(cells**-fall)
        cells *= 2
    return total / np.float32(total.std() + 1e-6)
