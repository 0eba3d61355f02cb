"""Head pose, perspective and crop; the sensor's tone, focus, noise and JPEG."""

from dataclasses import dataclass

import cv2
import numpy as np

from fbnet.faces.pose import matrix_from_angles
from fbnet.faces.synthetic.drawing import Draws, display
from fbnet.params import CROP_SCALE, SyntheticParams

FLIP = np.diag([1.0, -1.0, -1.0])
"""Model frame (y up, z to the viewer) to camera frame (y down, z away)."""
TILT = float(np.deg2rad(5.0))
"""The mesh at rest looks this far down of what photographs and pose estimates call level."""
NECK = (5.4, 6.15)
"""Heights, decimetres, between which the turn fades from the shoulders' to the head's."""


def turn(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Rows [n,3] turned by a matrix; einsum, as BLAS may round differently with other threads."""
    return np.einsum("ni,ji->nj", points, matrix.astype(points.dtype))


@dataclass(frozen=True, eq=False)
class Camera:
    """Pose and lens: model points to the plane through the pivot, decimetres.

    angles: pitch, yaw, roll in radians; head and body: rotations in the model frame; pivot [3];
    distance from the lens to the pivot, decimetres.
    """

    angles: np.ndarray
    head: np.ndarray
    body: np.ndarray
    pivot: np.ndarray
    distance: float

    def place(self, points: np.ndarray, height: np.ndarray | None = None) -> np.ndarray:
        """Turn model points [n,3]; with template heights [n] the neck bends, else all is head."""
        centred = (points - self.pivot).astype(np.float32)
        turned = turn(centred, self.head)
        if height is None:
            return turned
        share = np.clip((height - NECK[0]) / (NECK[1] - NECK[0]), 0, 1)[:, None]
        share = share * share * (3 - 2 * share)
        return turned * share + turn(centred, self.body) * (1 - share)

    def project(self, placed: np.ndarray) -> np.ndarray:
        """Perspective: x right, y down in decimetres at the pivot; z kept (larger is nearer)."""
        scale = self.distance / (self.distance - placed[..., 2])
        return np.stack([placed[..., 0] * scale, -placed[..., 1] * scale, placed[..., 2]], axis=-1)


@dataclass(frozen=True, eq=False)
class Crop:
    """The inner crop in the camera's plane: centre [2] and side, decimetres."""

    centre: np.ndarray
    side: float

    def units(self, projected: np.ndarray) -> np.ndarray:
        """Positions [n,2] in units of the inner crop, 0 and 1 at its edges."""
        return (projected[..., :2] - self.centre) / self.side + 0.5


@dataclass(frozen=True, eq=False)
class View:
    """Camera, crop and picture: size of the inner crop, margin round it, samples a pixel's side."""

    camera: Camera
    crop: Crop
    size: int
    margin: int
    supersampling: int

    @property
    def stored(self) -> int:
        """Side of the stored picture, pixels."""
        return self.size + 2 * self.margin

    @property
    def side(self) -> int:
        """Side of the supersampled picture, samples."""
        return self.stored * self.supersampling

    @property
    def scale(self) -> float:
        """Samples of the supersampled picture on a decimetre."""
        return self.size * self.supersampling / self.crop.side

    def samples(self, placed: np.ndarray) -> np.ndarray:
        """Placed points [n,3] on the supersampled picture: x, y (edges whole numbers), z kept."""
        projected = self.camera.project(placed)
        place = (self.crop.units(projected) * self.size + self.margin) * self.supersampling
        return np.concatenate([place, projected[..., 2:]], axis=-1).astype(np.float32)

    def unproject(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Placed points float32 [n,3] from positions in stored pixels and depth z."""
        flat_x = ((x - self.margin) / self.size - 0.5) * self.crop.side + self.crop.centre[0]
        flat_y = ((y - self.margin) / self.size - 0.5) * self.crop.side + self.crop.centre[1]
        shrink = (self.camera.distance - z) / self.camera.distance
        return np.stack([flat_x * shrink, -flat_y * shrink, z], axis=1).astype(np.float32)


def draw_camera(draws: Draws, params: SyntheticParams, height: float) -> Camera:
    """Draw pose and lens of one picture; `height` is the model y of the pivot, decimetres."""
    rng = draws.shot("camera")
    frontal, even = rng.normal(0, 24), rng.uniform(-1, 1) * params.yaw_max
    yaw = even if rng.random() < params.yaw_even else frontal
    limits = np.deg2rad([params.pitch_max, params.yaw_max, params.roll_max])
    angles = np.deg2rad([rng.normal(0, 11), yaw, rng.normal(0, 10)])
    angles = np.clip(angles, -limits, limits)
    return make_camera(angles, height, 1 / rng.uniform(1 / 30, 1 / 6))


def make_camera(angles: np.ndarray, height: float, distance: float) -> Camera:
    """A camera for given pitch, yaw, roll (radians); the shoulders turn a little with the head."""
    level = matrix_from_angles(np.array([-TILT, 0, 0]))
    head = FLIP @ matrix_from_angles(angles) @ level @ FLIP
    body = FLIP @ matrix_from_angles(np.array([0.1, 0.25, 0.1]) * angles) @ FLIP
    pivot = np.array([0.0, height, 0.1], np.float32)
    return Camera(np.asarray(angles, np.float32), head, body, pivot, distance)


def draw_crop(
    draws: Draws, params: SyntheticParams, landmarks: np.ndarray, scale: float = CROP_SCALE
) -> Crop:
    """`scale` times the landmark box, about its middle, jittered; landmarks [P,>=2]."""
    rng = draws.shot("crop")
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    box = float((high - low).max())
    side = scale * box * (1 + params.crop_jitter * rng.uniform(-1, 1))
    shift = rng.uniform(-1, 1, 2) * params.crop_jitter * side / 2
    return Crop((low + high) / 2 + shift, side)


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
    """The picture uint8 [h,w,3] BGR that a sensor makes of linear RGB float32 [h,w,3]."""
    picture = _tone(display(light), sensor, rng)
    picture = _soften(picture, sensor, rng)
    grain = rng.standard_normal(picture.shape, dtype=np.float32)
    picture = picture + grain * np.float32(rng.uniform(0, sensor.noise))
    stored = (np.clip(picture[..., ::-1], 0, 1) * 255 + 0.5).astype(np.uint8)
    if not sensor.jpeg:
        return np.ascontiguousarray(stored)
    quality = int(rng.integers(40, 96))
    _, packed = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))


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
