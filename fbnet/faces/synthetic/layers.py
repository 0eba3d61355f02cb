"""Flat layers over the finished picture."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, eq=False)
class Layer:
    """colour float32 [3] or [h,w,3], linear RGB; share float32 [h,w], how much it covers."""

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
