"""What every part draws with: random streams, colour, noise, sampled pictures, layers."""

import zlib
from dataclasses import dataclass

import cv2
import numpy as np

GAMMA = 2.2
"""Exponent between linear light, in which shading is done, and display values."""
ROW = 512
"""Width of the map handed to cv2.remap, which takes no side beyond 32767."""


@dataclass(frozen=True)
class Draws:
    """Random streams of one picture, one for each part that draws.

    seed: that of the params; identity, index: numbers of the person and of the picture. A change
    to the draws of one part leaves those of the others as they are.
    """

    seed: int
    identity: int
    index: int

    def person(self, part: str) -> np.random.Generator:
        """A stream that is the same in every picture of the person."""
        return np.random.default_rng([self.seed, 0, self.identity, zlib.crc32(part.encode())])

    def shot(self, part: str) -> np.random.Generator:
        """A stream of this picture alone."""
        return np.random.default_rng([self.seed, 1, self.index, zlib.crc32(part.encode())])


def linear(colour: object) -> np.ndarray:
    """Linear light, float32, of display values 0..1."""
    return np.asarray(colour, np.float32) ** np.float32(GAMMA)


def display(light: np.ndarray) -> np.ndarray:
    """Display values 0..1 of linear light."""
    return np.clip(light, 0, 1) ** np.float32(1 / GAMMA)


def palette(*rows: tuple[int, int, int]) -> np.ndarray:
    """Display values 0..1, float32 [n,3], of rows of sRGB bytes."""
    return np.array(rows, np.float32) / 255


def mix(base: np.ndarray, colour: np.ndarray | np.floating, share: np.ndarray) -> np.ndarray:
    """A base [n,3] with `colour` laid over it, share [n] of it."""
    share = share[:, None].astype(np.float32)
    return base + (np.asarray(colour, np.float32) - base) * share


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


@dataclass(frozen=True, eq=False)
class Layer:
    """A flat layer over the finished picture.

    colour: linear RGB float32 [3] or [h,w,3]; share: how much it covers, float32 [h,w], 0..1.
    """

    colour: np.ndarray
    share: np.ndarray

    def over(self, picture: np.ndarray) -> np.ndarray:
        """The picture [h,w,3] with this layer laid over it."""
        return picture + (self.colour - picture) * self.share[..., None]


def shrink(drawn: np.ndarray, side: int) -> np.ndarray:
    """A uint8 drawing in samples as shares 0..1 of the picture's pixels, float32 [side,side]."""
    if drawn.shape[0] != side:
        drawn = cv2.resize(drawn, (side, side), interpolation=cv2.INTER_AREA)
    return drawn.astype(np.float32) * np.float32(1 / 255)


@dataclass(frozen=True)
class Patch:
    """A rectangle on the head, unrolled to a flat picture of nearly square texels.

    reach: angle to either side of the front, radians; low, high: heights, decimetres; texel: side
    of a texel, radians and decimetres.
    """

    reach: float
    low: float
    high: float
    texel: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the patch, texels."""
        return round((self.high - self.low) / self.texel), round(2 * self.reach / self.texel)

    def pixels(self, angle: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Columns and rows in texels (centres at whole numbers) of angles and heights."""
        return (angle + self.reach) / self.texel - 0.5, (self.high - height) / self.texel - 0.5

    def read(self, picture: np.ndarray, angle: np.ndarray, height: np.ndarray) -> np.ndarray:
        """Values of a uint8 picture, 0..1; the border's value outside."""
        x, y = self.pixels(angle, height)
        return sample(picture, x, y).astype(np.float32) * np.float32(1 / 255)


FACE_PATCH = Patch(reach=1.45, low=5.9, high=8.2, texel=0.0065)
"""The front of the face, on which brows, wrinkles, freckles and moles are painted."""
