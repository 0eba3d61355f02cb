"""Eyeballs: where they are, where they look, how they are coloured."""

from dataclasses import dataclass

import numpy as np

from fbnet.faces.synthetic.colour import linear, mix
from fbnet.faces.synthetic.expression import Expression
from fbnet.faces.synthetic.head import LEFT_EYE, RIGHT_EYE, Head

IRIS_ANGLE = 0.43
"""Half the angle the iris takes at the eyeball's centre, radians."""
SCLERA = (0.84, 0.81, 0.785)
"""Display value of the white; far from white, as photographs show it."""


@dataclass(frozen=True, eq=False)
class Eyeball:
    """One eye: part number, centre [3] and radius in the model, gaze (unit vector)."""

    part: int
    centre: np.ndarray
    radius: float
    gaze: np.ndarray

    @property
    def pupil(self) -> np.ndarray:
        """The pupil's centre on the eyeball, model frame."""
        return self.centre + self.radius * self.gaze


def find_eyes(head: Head, vertices: np.ndarray, expression: Expression) -> list[Eyeball]:
    """The image-left eye (the person's right), then the other."""
    yaw, pitch = expression.gaze_yaw, expression.gaze_pitch
    gaze = np.array(
        [np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], np.float32
    )
    eyes = []
    for part in (RIGHT_EYE, LEFT_EYE):
        ball = vertices[head.eye_vertices(part)]
        centre = (ball.max(0) + ball.min(0)) / 2
        radius = float(np.linalg.norm(ball - centre, axis=1).max()) * 0.97
        eyes.append(Eyeball(part, centre, radius, gaze))
    return eyes


def eye_albedo(
    outward: np.ndarray, gaze: np.ndarray, iris: np.ndarray, pupil_angle: float
) -> np.ndarray:
    """Colour [n,3], linear, of eyeball points with unit vectors `outward` [n,3] (model frame)."""
    angle = np.arccos(np.clip(outward @ gaze, -1, 1))
    around = np.arctan2(outward[:, 1] - gaze[1], outward[:, 0] - gaze[0])
    fibres = (1 + 0.15 * np.sin(17 * around))[:, None].astype(np.float32)
    colour = np.empty((len(outward), 3), np.float32)
    colour[:] = linear(SCLERA)
    colour *= (1 - 0.12 * np.clip((angle - 0.75) / 0.5, 0, 1))[:, None]
    ring = 1 - 0.55 * np.exp(-(((angle - IRIS_ANGLE) / 0.06) ** 2))
    colour = mix(colour, iris * fibres, np.clip((IRIS_ANGLE - angle) / 0.05, 0, 1))
    colour *= ring[:, None]
    return mix(colour, np.float32(0.004), np.clip((pupil_angle - angle) / 0.04, 0, 1))
