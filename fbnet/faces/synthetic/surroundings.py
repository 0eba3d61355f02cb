"""What stands behind and before the head: backgrounds, a hand, some object."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from fbnet.faces.synthetic.camera import View
from fbnet.faces.synthetic.drawing import Layer, cloud, linear, shrink

Palette = Callable[[], np.ndarray]
"""Draws a colour of one scene, display values float32 [3]."""
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


def draw_background(rng: np.random.Generator, side: int) -> np.ndarray:
    """Draw a background in linear light, float32 [side,side,3]: a gradient and what is on it."""
    colour = _palette(rng)
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    share = np.clip(0.5 + columns * np.cos(angle) + rows * np.sin(angle), 0, 1)
    blend = np.multiply.outer(colour(), share) + np.multiply.outer(colour(), 1 - share)
    picture = np.ascontiguousarray(np.moveaxis(blend, 0, 2), np.float32)
    names, shares = list(KINDS), np.array([share for share, _ in KINDS.values()])
    kind = names[rng.choice(len(names), p=shares / shares.sum())]
    picture = KINDS[kind][1](rng, picture, colour)
    grain = cloud(rng, side, side, rng.uniform(0.5, 1.3), 2, 64)[..., None]
    picture = np.clip(picture * (1 + rng.uniform(0.01, 0.15) * grain), 0, 1)
    return linear(picture) * np.float32(rng.uniform(0.6, 1.1))


def _palette(rng: np.random.Generator) -> Palette:
    """Colours of one scene: mostly grey, about one hue, some of them bright."""
    strength = rng.choice([0.1, 0.25, 0.5, 0.9], p=[0.35, 0.35, 0.2, 0.1])
    hue = rng.random(3)

    def colour() -> np.ndarray:
        mixed = 0.6 * hue + 0.4 * rng.random(3)
        return np.clip(mixed * strength + (1 - strength) * rng.random(), 0, 1).astype(np.float32)

    return colour


def _blur(picture: np.ndarray, sigma: float) -> np.ndarray:
    """The picture out of focus; sigma in pixels."""
    return cv2.GaussianBlur(picture, (0, 0), sigma)


def _wall(rng: np.random.Generator, picture: np.ndarray, colour: Palette) -> np.ndarray:
    """Nearly plain: the gradient and broad stains."""
    stain = cloud(rng, len(picture), len(picture), 1.3, 2, 16)[..., None]
    return picture * (1 + 0.05 * stain)


def _room(rng: np.random.Generator, picture: np.ndarray, colour: Palette) -> np.ndarray:
    """Upright and level rectangles: doors, shelves, windows."""
    side = len(picture)
    for _ in range(int(rng.integers(3, 16))):
        corner = rng.uniform(-0.2, 1, 2) * side
        size = np.array([rng.uniform(0.05, 0.6), rng.uniform(0.05, 0.9)]) * side
        size = size[::-1] if rng.random() < 0.4 else size
        start, end = corner.astype(int).tolist(), (corner + size).astype(int).tolist()
        cv2.rectangle(picture, start, end, colour().tolist(), -1)
    return _blur(picture, rng.choice([0.7, 1.5, 3, 6]))


def _clutter(rng: np.random.Generator, picture: np.ndarray, colour: Palette) -> np.ndarray:
    """Polygons and discs of any shape, more or less in focus."""
    side = len(picture)
    for _ in range(int(rng.integers(5, 30))):
        centre, reach = rng.uniform(-0.1, 1.1, 2) * side, rng.uniform(0.04, 0.35) * side
        if rng.random() < 0.3:
            cv2.circle(picture, centre.astype(int).tolist(), int(reach / 2), colour().tolist(), -1)
        else:
            corners = centre + rng.normal(0, reach, (int(rng.integers(3, 7)), 2))
            cv2.fillPoly(picture, [corners.astype(np.int32)], colour().tolist(), cv2.LINE_AA)
    return _blur(picture, rng.choice([0.6, 1.5, 4, 8]))


def _leaves(rng: np.random.Generator, picture: np.ndarray, colour: Palette) -> np.ndarray:
    """Foliage, stone or cloth: two clouds that choose between a few colours."""
    side = len(picture)
    green = np.array([0.25, 0.4, 0.15], np.float32) * rng.uniform(0.4, 1.3)
    garden = rng.random() < 0.5
    tints = [green * rng.uniform(0.4, 1.6) if garden else colour() for _ in range(3)]
    for tint in tints:
        share = np.clip(0.5 + cloud(rng, side, side, rng.uniform(0.3, 0.9), 3, 96), 0, 1)[..., None]
        picture = picture + (tint - picture) * share
    return _blur(picture, rng.uniform(0.4, 3))


def _bokeh(rng: np.random.Generator, picture: np.ndarray, colour: Palette) -> np.ndarray:
    """Lights far out of focus over a dim scene."""
    side = len(picture)
    picture = _clutter(rng, picture, colour) * np.float32(rng.uniform(0.3, 0.8))
    radius = int(rng.uniform(0.02, 0.07) * side) + 1
    for _ in range(int(rng.integers(4, 25))):
        spot = np.zeros((side, side), np.float32)
        cv2.circle(spot, rng.integers(0, side, 2).tolist(), radius, 1.0, -1, cv2.LINE_AA)
        picture = picture + spot[..., None] * (colour() * rng.uniform(0.2, 0.6))
    return _blur(np.clip(picture, 0, 1).astype(np.float32), 1.2)


KINDS = {
    "wall": (0.25, _wall),
    "room": (0.25, _room),
    "clutter": (0.2, _clutter),
    "leaves": (0.15, _leaves),
    "bokeh": (0.1, _bokeh),
}
"""Kind -> share, painter(rng, gradient, palette)."""


@dataclass(frozen=True)
class Bone:
    """A capsule in the picture: start and end [2] and radius, pixels."""

    start: np.ndarray
    end: np.ndarray
    radius: float

    def distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance of places x, y from the axis of the capsule, pixels, float32."""
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


def object_layer(view: View, brightness: float, rng: np.random.Generator) -> Layer:
    """A flat convex thing of one colour over a part of the face."""
    side = view.size * view.supersampling
    centre = view.margin * view.supersampling + rng.uniform(0, 1, 2) * [side, side]
    centre[1] = max(centre[1], side * 0.45)
    corners = centre + rng.normal(0, side * 0.17, (int(rng.integers(3, 7)), 2))
    canvas = np.zeros((view.side, view.side), np.uint8)
    outline = cv2.convexHull(corners.astype(np.int32))
    cv2.fillConvexPoly(canvas, outline, 255, cv2.LINE_AA)
    texture = 1 + rng.uniform(0.02, 0.2) * cloud(rng, view.stored, view.stored, 0.9)[..., None]
    colour = linear(rng.random(3) * rng.uniform(0.3, 1)) * texture * brightness
    return Layer(colour.astype(np.float32), shrink(canvas, view.stored))
