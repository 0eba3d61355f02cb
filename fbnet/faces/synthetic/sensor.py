"""From linear light to a stored picture: tone, focus, resolution, noise, JPEG."""

from dataclasses import dataclass

import cv2
import numpy as np

from fbnet.faces.synthetic.colour import display
from fbnet.params import SyntheticParams


@dataclass(frozen=True)
class Sensor:
    """How this picture is taken: out of focus, of few pixels, without colour, through JPEG.

    noise: largest standard deviation of the noise, as a share of white.
    """

    blurred: bool
    coarse: bool
    grey: bool
    jpeg: bool
    noise: float


def draw_sensor(params: SyntheticParams, rng: np.random.Generator) -> Sensor:
    """Draw the flaws of one picture."""
    shares = (params.blur, params.low_resolution, params.grey, params.jpeg)
    blurred, coarse, grey, jpeg = (bool(rng.random() < share) for share in shares)
    return Sensor(blurred, coarse, grey, jpeg, params.noise)


def photograph(light: np.ndarray, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
    """uint8 BGR [h,w,3] from linear RGB float32 [h,w,3]."""
    picture = _tone(display(light), sensor, rng)
    picture = _soften(picture, sensor, rng)
    grain = rng.standard_normal(picture.shape, dtype=np.float32)
    picture = picture + grain * np.float32(rng.uniform(0, sensor.noise))
    stored = (np.clip(picture[..., ::-1], 0, 1) * 255 + 0.5).astype(np.uint8)
    return _jpeg(stored, rng) if sensor.jpeg else np.ascontiguousarray(stored)


def _tone(picture: np.ndarray, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
    """Contrast, brightness, white balance; no colour for some."""
    contrast, bright = rng.uniform(0.85, 1.4), rng.normal(0.01, 0.06)
    balance = (1 + rng.normal(0, 0.03, 3)).astype(np.float32)
    saturation = np.float32(rng.uniform(0.65, 1.05))
    if sensor.grey:
        saturation, balance = np.float32(0), np.ones(3, np.float32)
    grey = (picture @ np.array([0.3, 0.59, 0.11], np.float32))[..., None]
    picture = (grey + (picture - grey) * saturation) * balance
    return (picture - np.float32(0.5)) * np.float32(contrast) + np.float32(0.5 + bright)


def _soften(picture: np.ndarray, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
    """Out of focus, enlarged from fewer pixels, or both."""
    size = picture.shape[1::-1]
    if sensor.blurred:
        picture = cv2.GaussianBlur(picture, (0, 0), size[0] / 160 * rng.uniform(0.3, 1.3))
    if sensor.coarse:
        share = rng.uniform(0.4, 0.8)
        small = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
    return picture


def _jpeg(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    quality = int(rng.integers(40, 96))
    _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))
