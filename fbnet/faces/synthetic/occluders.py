"""Things before the face: a hand, some object."""

import cv2
import numpy as np

from fbnet.faces.synthetic.camera import View
from fbnet.faces.synthetic.colour import linear
from fbnet.faces.synthetic.layers import Layer, shrink
from fbnet.faces.synthetic.sampling import cloud


def hand_layer(view: View, skin: np.ndarray, brightness: float, rng: np.random.Generator) -> Layer:
    """A palm with four fingers reaching to the face from below or from the side.

    skin: linear RGB; brightness: radiance of white cloth in this light after exposure.
    """
    side = view.size * view.supersampling
    edge = view.margin * view.supersampling
    palm = edge + np.array([rng.uniform(0, 1), rng.uniform(0.6, 1.1)]) * side
    towards = rng.uniform(-2.4, -0.7)
    canvas = np.zeros((view.side, view.side), np.uint8)
    shading: np.ndarray = np.zeros((view.side, view.side), np.uint8)
    cv2.ellipse(
        canvas,
        palm.astype(int).tolist(),
        (int(side * 0.16), int(side * 0.14)),
        0,
        0,
        360,
        255,
        -1,
        cv2.LINE_AA,
    )
    cv2.ellipse(
        shading,
        palm.astype(int).tolist(),
        (int(side * 0.14), int(side * 0.12)),
        0,
        0,
        360,
        200,
        -1,
        cv2.LINE_AA,
    )
    for finger in range(4):
        angle = towards + 0.17 * finger
        root = palm + np.array([-np.sin(angle), np.cos(angle)]) * (finger - 1.5) * side * 0.045
        tip = root + np.array([np.cos(angle), np.sin(angle)]) * side * rng.uniform(0.26, 0.36)
        for picture, width, value in ((canvas, 0.066, 255), (shading, 0.036, 255)):
            cv2.line(
                picture,
                root.astype(int).tolist(),
                tip.astype(int).tolist(),
                value,
                max(1, int(side * width)),
                cv2.LINE_AA,
            )
    shading = cv2.GaussianBlur(shading, (0, 0), side * 0.012)
    light = (0.45 + 0.55 * shrink(shading, view.stored)) * np.float32(brightness)
    tone = skin * np.float32(rng.uniform(0.8, 1.05)) * [1.05, 0.97, 0.95]
    return Layer((light[..., None] * tone).astype(np.float32), shrink(canvas, view.stored))


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
