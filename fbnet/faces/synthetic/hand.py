"""A hand before the face: bones with flesh round them, as a height field under a lamp."""

from dataclasses import dataclass

import cv2
import numpy as np

from fbnet.faces.synthetic.camera import View
from fbnet.faces.synthetic.layers import Layer

FINGERS = {
    "thumb": ((-0.42, 0.10), -0.95, (0.42, 0.34), 0.115),
    "index": ((-0.30, 0.52), -0.14, (0.46, 0.38), 0.100),
    "middle": ((-0.09, 0.56), -0.03, (0.52, 0.42), 0.105),
    "ring": ((0.12, 0.53), 0.08, (0.47, 0.39), 0.100),
    "little": ((0.31, 0.45), 0.20, (0.36, 0.29), 0.085),
}
"""Root, direction (radians from straight ahead), lengths of two parts, radius; in palm widths."""
PALM = (
    ((-0.22, -0.35), (-0.27, 0.50), 0.20),
    ((0.0, -0.40), (-0.05, 0.52), 0.22),
    ((0.22, -0.35), (0.20, 0.46), 0.20),
    ((-0.30, -0.10), (-0.36, 0.15), 0.18),
    ((0.0, -2.6), (0.0, -0.35), 0.30),
)
"""Start, end and radius of what is not a finger; the last is the forearm."""


@dataclass(frozen=True)
class Bone:
    """A capsule in the picture: start and end [2] and radius, pixels."""

    start: np.ndarray
    end: np.ndarray
    radius: float

    def distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance of places from its axis."""
        along = self.end - self.start
        share = ((x - self.start[0]) * along[0] + (y - self.start[1]) * along[1]) / (along @ along)
        share = np.clip(share, 0, 1)
        return np.hypot(
            x - self.start[0] - share * along[0], y - self.start[1] - share * along[1]
        ).astype(np.float32)


def hand_layer(view: View, skin: np.ndarray, brightness: float, rng: np.random.Generator) -> Layer:
    """A hand reaching to the face from below or from the side.

    skin: linear RGB; brightness: radiance of white cloth in this light after exposure.
    """
    x, y = np.meshgrid(*(np.arange(view.stored, dtype=np.float32) + np.float32(0.5),) * 2)
    height, cover = np.zeros((2, view.stored, view.stored), np.float32)
    for bone in _bones(view, rng):
        inside = bone.radius - bone.distance(x, y)
        np.maximum(cover, np.clip(inside + 0.5, 0, 1), out=cover)
        # Of a circle: r^2 - d^2 = (r - d) (2 r - (r - d)).
        inside = np.clip(inside, 0, None)
        np.maximum(height, np.sqrt(inside * (2 * bone.radius - inside)), out=height)
    light = _shade(cv2.GaussianBlur(height, (0, 0), view.size * 0.006), rng)
    tone = skin * np.float32(rng.uniform(0.8, 1.1)) * [1.05, 0.96, 0.93]
    colour = light[..., None] * (tone * np.float32(brightness))
    return Layer(colour.astype(np.float32), cover)


def _bones(view: View, rng: np.random.Generator) -> list[Bone]:
    """The skeleton on the picture: placed, turned, mirrored, its fingers spread and bent."""
    palm = view.size * rng.uniform(0.3, 0.44)
    reach = np.array([rng.uniform(0.05, 0.95), rng.uniform(0.65, 1.1)])
    origin = view.margin + reach * view.size
    # Towards the face, more or less: upwards and to its middle.
    angle = rng.normal(np.arctan2(0.5 - reach[0], 0.9), 0.45)
    ahead = np.array([np.sin(angle), -np.cos(angle)])
    right = np.array([-ahead[1], ahead[0]]) * rng.choice([-1, 1])

    def place(spot: tuple[float, float] | np.ndarray) -> np.ndarray:
        return origin + (spot[0] * right + spot[1] * ahead) * palm

    bones = [Bone(place(start), place(end), radius * palm) for start, end, radius in PALM]
    spread, bend = rng.uniform(0.3, 2.2), rng.uniform(0, 0.9)
    for name, (root, aside, lengths, radius) in FINGERS.items():
        turn = aside * (1 if name == "thumb" else spread) + rng.normal(0, 0.05)
        knuckle = np.array(root)
        for length in lengths:
            # A bent finger is foreshortened.
            step = length * (1 - 0.5 * bend * rng.uniform(0.6, 1))
            tip = knuckle + step * np.array([np.sin(turn), np.cos(turn)])
            bones.append(Bone(place(knuckle), place(tip), radius * palm))
            knuckle, turn = tip, turn * rng.uniform(0.6, 1.1)
    return bones


def _shade(height: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light on the height field from a lamp and the sky, about 0.4 to 1.6."""
    down, right = np.gradient(height)
    flat = 1 / np.sqrt(1 + down * down + right * right)
    around = rng.uniform(-np.pi, 0)
    lamp = np.array([np.cos(around), np.sin(around), 1.2]) / np.hypot(1, 1.2)
    lit = np.clip((lamp[2] - right * lamp[0] - down * lamp[1]) * flat, 0, 1)
    return (0.5 * flat + 0.25 + 0.85 * lit).astype(np.float32)
