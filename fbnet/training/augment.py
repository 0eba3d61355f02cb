"""Varies a face for training: one affine warp, then the picture's values.

Every number comes from the generator handed in, so a face's variation depends on its key only.
"""

from functools import cache

import cv2
import numpy as np

from fbnet.faces.crop import move, placement, warp
from fbnet.landmarks import Scheme
from fbnet.params import AugmentParams

NOISE_BANK = 1 << 20
NOISE_BANK_STD = 32.0
GEOMETRY_DRAWS = 5
"""mirror, rotate, scale, shift x, shift y"""
VALUE_DRAWS = 11


def augment(
    image: np.ndarray,
    landmarks: np.ndarray,
    pose: np.ndarray,
    rng: np.random.Generator,
    params: AugmentParams,
    scheme: Scheme,
    size: int,
    margin: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vary one face.

    image: uint8 [S, S, 3] BGR with S = size + 2 * margin; landmarks: [P, 2] in units of the
    inner crop; pose: pitch, yaw, roll in radians.
    Returns the crop uint8 [size, size, 3] and its landmarks and pose, both float32.
    """
    draws = rng.random(GEOMETRY_DRAWS)
    flip = bool(draws[0] < params.mirror)
    angle = float(np.radians(params.rotate) * _even(draws[1]))
    scale = float(1.0 + params.scale * _even(draws[2]))
    shift = params.shift * _even(draws[3:5])
    matrix = placement(size, margin, angle, scale, shift, flip)
    crop = warp(image, matrix, size)
    points = move(landmarks, matrix, size, margin)
    if flip:
        points = points[list(scheme.mirror)]
    crop = _occlude(_vary_values(crop, rng, params), rng, params)
    return crop, points, turned(pose, angle, flip)


def turned(pose: np.ndarray, angle: float, flip: bool) -> np.ndarray:
    """Pitch, yaw, roll after a flip and a turn of the picture by `angle` radians."""
    pitch, yaw, roll = (float(value) for value in pose)
    if flip:
        yaw, roll = -yaw, -roll
    return np.array([pitch, yaw, roll + angle], dtype=np.float32)


def _even(draw: np.ndarray) -> np.ndarray:
    """Draws in 0..1 spread evenly over -1..1."""
    return 2.0 * draw - 1.0


def _vary_values(crop: np.ndarray, rng: np.random.Generator, params: AugmentParams) -> np.ndarray:
    draws = rng.random(VALUE_DRAWS)
    crop = cv2.transform(crop, _tone(draws[:5], params))
    if draws[5] < params.grey:
        crop = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if draws[6] < params.blur:
        crop = _blur(crop, params.blur_sigma * draws[7])
    if draws[8] < params.noise:
        crop = _add_noise(crop, rng, params.noise_std * draws[9])
    if draws[10] < params.jpeg:
        crop = _compress(crop, int(rng.integers(20, 71)))
    return crop


def _blur(crop: np.ndarray, sigma: float) -> np.ndarray:
    width = 2 * int(np.ceil(2.0 * sigma)) + 1  # two sigmas either side: the rest is invisible
    return cv2.GaussianBlur(crop, (width, width), max(sigma, 1e-3))


def _tone(draws: np.ndarray, params: AugmentParams) -> np.ndarray:
    """Matrix [3, 4] of brightness, contrast around middle grey, and a gain of each channel."""
    contrast = 1.0 + params.contrast * _even(draws[0])
    gains = contrast * (1.0 + params.colour * _even(draws[2:5]))
    brightness = 255.0 * params.brightness * _even(draws[1])
    return np.column_stack([np.diag(gains), 127.5 * (1.0 - gains) + brightness])


@cache
def _noise_bank() -> np.ndarray:
    """Gaussian noise around 128, drawn once: drawing it anew for each face costs too much."""
    noise = np.random.default_rng(0).normal(128.0, NOISE_BANK_STD, NOISE_BANK)
    return np.clip(np.rint(noise), 0, 255).astype(np.uint8)


def _noise_like(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    bank = _noise_bank()
    start = int(rng.integers(0, len(bank) - crop.size))
    return bank[start : start + crop.size].reshape(crop.shape)


def _add_noise(crop: np.ndarray, rng: np.random.Generator, std: float) -> np.ndarray:
    share = std / NOISE_BANK_STD
    return cv2.addWeighted(crop, 1.0, _noise_like(crop, rng), share, -128.0 * share)


def _compress(crop: np.ndarray, quality: int) -> np.ndarray:
    _, code = cv2.imencode(".jpg", crop, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))


def _occlude(crop: np.ndarray, rng: np.random.Generator, params: AugmentParams) -> np.ndarray:
    """Lay one or two rectangles over the crop: a colour, noise, or another part of the crop."""
    if rng.random() >= params.occlude:
        return crop
    crop = crop.copy()
    size = crop.shape[0]
    for _ in range(int(rng.integers(1, 3))):
        sides = np.rint(size * params.occlude_side * rng.uniform(0.2, 1.0, 2)).astype(int)
        height, width = np.clip(sides, 1, size)
        top, left = (int(rng.integers(0, size - side + 1)) for side in (height, width))
        target = crop[top : top + height, left : left + width]
        target[:] = _cover(crop, target, rng)
    return crop


def _cover(crop: np.ndarray, target: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    kind = int(rng.integers(0, 3))
    if kind == 0:
        return rng.integers(0, 256, 3).astype(np.uint8)
    if kind == 1:
        return _noise_like(target, rng)
    height, width = target.shape[:2]
    top = int(rng.integers(0, crop.shape[0] - height + 1))
    left = int(rng.integers(0, crop.shape[1] - width + 1))
    return crop[top : top + height, left : left + width].copy()
