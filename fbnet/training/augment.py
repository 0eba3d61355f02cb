"""Augmentation of a training face: one affine warp, then the changes of AUGMENTATIONS in turn.

Every number comes from the generator handed in, so a face's variation depends on its key only.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from fbnet.faces.crop import affine_matrix, warp_image, warp_points
from fbnet.landmarks import Scheme
from fbnet.params import AugmentParams
from fbnet.registry import Registry

GEOMETRY_DRAWS = 5
"""Uniform draws of the warp: mirror, rotation, scale, shift along x and along y."""
NOISE_BANK = 1 << 20
"""Noise values that are drawn once; each face takes a run of them."""
NOISE_BANK_STD = 32.0
"""Standard deviation of these values, in grey levels of 255."""

Change = Callable[[np.ndarray, np.ndarray, np.random.Generator, AugmentParams], np.ndarray]
"""(crop uint8 [S, S, 3] BGR, its uniform draws [n] in 0..1, generator, params) -> crop."""


@dataclass(frozen=True)
class Augmentation:
    """A change of a crop's values, which leaves landmarks and pose as they are.

    draws: uniform draws that the change takes. All draws of all changes are made before the first
    change, so that a face's later draws do not depend on which changes struck it; a change may
    take more numbers from the generator when it is applied.
    """

    draws: int
    change: Change


def augmentation(draws: int) -> Callable[[Change], Augmentation]:
    """Decorator: a `Change` that takes so many uniform draws, as an entry of AUGMENTATIONS."""
    return lambda change: Augmentation(draws, change)


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
    angle = float(np.radians(params.rotate) * _symmetric(draws[1]))
    scale = float(1.0 + params.scale * _symmetric(draws[2]))
    shift = params.shift * _symmetric(draws[3:5])
    matrix = affine_matrix(size, margin, angle, scale, shift, flip)
    crop = warp_image(image, matrix, size)
    points = warp_points(landmarks, matrix, size, margin)
    if flip:
        points = points[list(scheme.mirror)]

    steps = list(AUGMENTATIONS.values())
    draws = rng.random(sum(step.draws for step in steps))
    for step in steps:
        own, draws = draws[: step.draws], draws[step.draws :]
        crop = step.change(crop, own, rng, params)
    return crop, points, rotate_pose(pose, angle, flip)


def rotate_pose(pose: np.ndarray, angle: float, flip: bool) -> np.ndarray:
    """Pitch, yaw, roll (radians, float32 [3]) after a flip and a turn of the picture by `angle`."""
    pitch, yaw, roll = (float(value) for value in pose)
    if flip:
        yaw, roll = -yaw, -roll
    roll += angle
    if abs(roll) > math.pi:
        roll -= math.copysign(2 * math.pi, roll)
    return np.array([pitch, yaw, roll], dtype=np.float32)


@augmentation(draws=5)
def tone(
    crop: np.ndarray, draws: np.ndarray, rng: np.random.Generator, params: AugmentParams
) -> np.ndarray:
    """Change brightness, contrast around middle grey, and the gain of each colour channel."""
    contrast = 1.0 + params.contrast * _symmetric(draws[0])
    gains = contrast * (1.0 + params.colour * _symmetric(draws[2:5]))
    brightness = 255.0 * params.brightness * _symmetric(draws[1])
    matrix = np.column_stack([np.diag(gains), 127.5 * (1.0 - gains) + brightness])
    return cv2.transform(crop, matrix)


@augmentation(draws=1)
def grey(
    crop: np.ndarray, draws: np.ndarray, rng: np.random.Generator, params: AugmentParams
) -> np.ndarray:
    """Take the colour away."""
    if draws[0] >= params.grey:
        return crop
    return cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


@augmentation(draws=2)
def blur(
    crop: np.ndarray, draws: np.ndarray, rng: np.random.Generator, params: AugmentParams
) -> np.ndarray:
    """Blur by a Gaussian."""
    if draws[0] >= params.blur:
        return crop
    sigma = params.blur_sigma * draws[1]
    width = 2 * int(np.ceil(2.0 * sigma)) + 1  # two sigmas either side: the rest is invisible
    return cv2.GaussianBlur(crop, (width, width), max(sigma, 1e-3))


@augmentation(draws=2)
def noise(
    crop: np.ndarray, draws: np.ndarray, rng: np.random.Generator, params: AugmentParams
) -> np.ndarray:
    """Add Gaussian noise."""
    if draws[0] >= params.noise:
        return crop
    share = params.noise_std * draws[1] / NOISE_BANK_STD
    return cv2.addWeighted(crop, 1.0, _noise_like(crop, rng), share, -128.0 * share)


@augmentation(draws=1)
def jpeg(
    crop: np.ndarray, draws: np.ndarray, rng: np.random.Generator, params: AugmentParams
) -> np.ndarray:
    """Compress as JPEG, quality 20 to 70."""
    if draws[0] >= params.jpeg:
        return crop
    quality = int(rng.integers(20, 71))
    _, code = cv2.imencode(".jpg", crop, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))


@augmentation(draws=0)
def occlude(
    crop: np.ndarray, draws: np.ndarray, rng: np.random.Generator, params: AugmentParams
) -> np.ndarray:
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
    """What hides `target`, a part of `crop`: a value [3], or uint8 of the target's shape."""
    kind = int(rng.integers(0, 3))
    if kind == 0:
        return rng.integers(0, 256, 3).astype(np.uint8)
    if kind == 1:
        return _noise_like(target, rng)
    height, width = target.shape[:2]
    top = int(rng.integers(0, crop.shape[0] - height + 1))
    left = int(rng.integers(0, crop.shape[1] - width + 1))
    return crop[top : top + height, left : left + width].copy()


def _symmetric(draw: np.ndarray) -> np.ndarray:
    """Uniform draws in 0..1 as draws in -1..1."""
    return 2.0 * draw - 1.0


def _noise_like(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise around 128, uint8 of the crop's shape."""
    bank = _noise_bank()
    start = int(rng.integers(0, len(bank) - crop.size))
    return bank[start : start + crop.size].reshape(crop.shape)


@cache
def _noise_bank() -> np.ndarray:
    """Gaussian noise around 128, drawn once: drawing it anew for each face costs too much."""
    values = np.random.default_rng(0).normal(128.0, NOISE_BANK_STD, NOISE_BANK)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


AUGMENTATIONS: Registry[Augmentation] = Registry(
    "augmentation",
    {
        "tone": tone,
        "grey": grey,
        "blur": blur,
        "noise": noise,
        "jpeg": jpeg,
        "occlude": occlude,
    },
)
"""What is done to a training crop after its warp, in this order."""
