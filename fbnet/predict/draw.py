"""Landmarks drawn on a picture at its own size."""

import cv2
import numpy as np

SHIFT = 4
"""Binary digits behind the point: centres are drawn to a sixteenth of a pixel."""
COLOUR, EDGE = (185, 47, 255), (255, 255, 255)
DOTS_PER_FACE = 130.0
"""Sides of a face by the radius of a dot."""


def draw(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """A copy of the picture with a dot on each landmark [P, 2] in pixels."""
    drawn = picture.copy()
    radius = max(1.0, float(np.ptp(landmarks, axis=0).max()) / DOTS_PER_FACE)
    for colour, size in ((EDGE, 1.5 * radius), (COLOUR, radius)):
        for x, y in landmarks:
            centre = (round(float(x) * 2**SHIFT), round(float(y) * 2**SHIFT))
            cv2.circle(drawn, centre, round(size * 2**SHIFT), colour, -1, cv2.LINE_AA, SHIFT)
    return drawn
