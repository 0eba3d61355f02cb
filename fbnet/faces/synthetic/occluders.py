"""Some object before the face."""

import cv2
import numpy as np

from fbnet.faces.synthetic.camera import View
from fbnet.faces.synthetic.colour import linear
from fbnet.faces.synthetic.layers import Layer, shrink
from fbnet.faces.synthetic.sampling import cloud


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
