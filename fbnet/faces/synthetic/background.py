"""What stands behind the head: walls, rooms, leaves, lights out of focus."""

from collections.abc import Callable

import cv2
import numpy as np

from fbnet.faces.synthetic.colour import linear
from fbnet.faces.synthetic.sampling import cloud

Palette = Callable[[], np.ndarray]


def draw_background(rng: np.random.Generator, side: int) -> np.ndarray:
    """A picture in linear light, float32 [side,side,3]."""
    colour = _palette(rng)
    picture = _gradient(rng, side, colour)
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


def _gradient(rng: np.random.Generator, side: int, colour: Palette) -> np.ndarray:
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    share = np.clip(0.5 + columns * np.cos(angle) + rows * np.sin(angle), 0, 1)[..., None]
    return (colour() * share + colour() * (1 - share)).astype(np.float32)


def _blur(picture: np.ndarray, sigma: float) -> np.ndarray:
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
