"""Head pose, perspective and crop."""

from dataclasses import dataclass

import numpy as np

from fbnet.faces.synthetic.draws import Draws
from fbnet.faces.synthetic.head import CONTOUR
from fbnet.params import CROP_SCALE, SyntheticParams

FLIP = np.diag([1.0, -1.0, -1.0])
"""Model frame (y up, z to the viewer) to camera frame (y down, z away)."""
TILT = float(np.deg2rad(5.0))
"""The mesh at rest looks this far down of what photographs and pose estimates call level."""
NECK = (5.4, 6.15)
"""Heights, decimetres, between which the turn fades from the shoulders' to the head's."""


def rotation(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """R = Rz(roll) Rx(pitch) Ry(yaw) in the camera frame, as in fbnet/faces/pose.py; radians."""
    (cp, cy, cr), (sp, sy, sr) = np.cos([pitch, yaw, roll]), np.sin([pitch, yaw, roll])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    return about_z @ about_x @ about_y


def turn(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Rows times matrix transposed; einsum, as BLAS may round differently with other threads."""
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

    def pixels(self, projected: np.ndarray, size: int, margin: int, samples: int) -> np.ndarray:
        """Positions [n,3] in the stored picture, `samples` to a pixel, edges whole; z kept."""
        place = (self.units(projected) * size + margin) * samples
        return np.concatenate([place, projected[..., 2:]], axis=-1).astype(np.float32)


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
        """Samples a decimetre."""
        return self.size * self.supersampling / self.crop.side

    def samples(self, placed: np.ndarray) -> np.ndarray:
        """Placed points [n,3] on the supersampled picture: x, y (edges whole numbers), z kept."""
        return self.crop.pixels(
            self.camera.project(placed), self.size, self.margin, self.supersampling
        )

    def unproject(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Placed points float32 [n,3] from positions in stored pixels and depth z."""
        flat_x = ((x - self.margin) / self.size - 0.5) * self.crop.side + self.crop.centre[0]
        flat_y = ((y - self.margin) / self.size - 0.5) * self.crop.side + self.crop.centre[1]
        shrink = (self.camera.distance - z) / self.camera.distance
        return np.stack([flat_x * shrink, -flat_y * shrink, z], axis=1).astype(np.float32)


def draw_camera(draws: Draws, params: SyntheticParams, height: float) -> Camera:
    """Draw pose and lens; `height` is the model y of the pivot, decimetres."""
    rng = draws.shot("camera")
    gathered, even = rng.normal(0, 24), rng.uniform(-1, 1) * params.yaw_max
    yaw = even if rng.random() < params.yaw_even else gathered
    limits = np.deg2rad([params.pitch_max, params.yaw_max, params.roll_max])
    angles = np.deg2rad([rng.normal(0, 11), yaw, rng.normal(0, 10)])
    angles = np.clip(angles, -limits, limits)
    return make_camera(angles, height, 1 / rng.uniform(1 / 30, 1 / 6))


def make_camera(angles: np.ndarray, height: float, distance: float) -> Camera:
    """A camera for given pitch, yaw, roll (radians); the shoulders turn a little with the head."""
    head = FLIP @ rotation(*angles) @ rotation(-TILT, 0, 0) @ FLIP
    body = FLIP @ rotation(*(np.array([0.1, 0.25, 0.1]) * angles)) @ FLIP
    pivot = np.array([0.0, height, 0.1], np.float32)
    return Camera(np.asarray(angles, np.float32), head, body, pivot, distance)


def draw_crop(draws: Draws, params: SyntheticParams, landmarks: np.ndarray) -> Crop:
    """`CROP_SCALE` times the landmark box, about its middle, jittered; landmarks [106,>=2]."""
    rng = draws.shot("crop")
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    box = float((high - low).max())
    side = CROP_SCALE * box * (1 + params.crop_jitter * rng.uniform(-1, 1))
    shift = rng.uniform(-1, 1, 2) * params.crop_jitter * side / 2
    return Crop((low + high) / 2 + shift, side)


def contour_side(number: int) -> int:
    """-1 on the image-left half of the contour, 1 on the right one, 0 at the chin (row 16)."""
    middle = len(CONTOUR) // 2
    return (number > middle) - (number < middle)
