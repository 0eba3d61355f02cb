"""What a landmark net gives: landmarks, and on request pose, confidence, visibility, openness.

Confidence c of a point states a scale s = NEAR (1 - c) / c, in units of the crop's side: the error
e of the point, a vector, is taken to have the density exp(-|e| / s) / (2 pi s^2), Laplace's in the
plane. So c is 0.5 where the scale is NEAR, and any radius that holds a share of the errors
follows from it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

NEAR = 0.02
"""Scale of a confidence of 0.5, in units of the crop's side."""
HOLDS_90 = 3.8897
"""Radius, by the scale, within which 90 % of the errors lie: of 1 - (1 + r) exp(-r) = 0.9."""
GAPS = ("left eye", "right eye", "mouth")
"""Whose openness is given; left and right are the picture's."""


@dataclass(frozen=True)
class Output:
    """An output: its shape for one face, by the number of landmarks, and what it means.

    unit: a difference of so much counts as one of the crop's side does among landmarks.
    """

    shape: Callable[[int], tuple[int, ...]]
    meaning: str
    unit: float = 1.0


LANDMARKS = "landmarks"
OUTPUTS: dict[str, Output] = {
    LANDMARKS: Output(lambda points: (points, 2), "(x, y) in units of the crop's side"),
    "pose": Output(
        lambda points: (3,),
        "pitch, yaw, roll of the head in degrees: positive looks down, looks to the picture's "
        "left, tips clockwise",
        unit=57.3,
    ),
    "confidence": Output(
        lambda points: (points,),
        f"by point, 0..1: errors have the scale {NEAR:g} (1 - c) / c in units of the crop's side; "
        f"90 % of them are below {HOLDS_90:g} times that",
    ),
    "visibility": Output(
        lambda points: (points,), "probability by point, 0..1, that nothing hides it"
    ),
    "openness": Output(
        lambda points: (3,), f"gap by width: {', '.join(GAPS)}; left and right are the picture's"
    ),
}
"""By the name that `export.outputs` and the file use."""
HEADS = tuple(name for name in OUTPUTS if name != LANDMARKS)
"""Those that need a head of their own."""
LABELS = {"visibility": "visible", "openness": "openness"}
"""Heads that learn from labels of rendered faces alone: name -> key of `FaceSet.exact`."""


def radius_90(confidence: np.ndarray) -> np.ndarray:
    """Radius in units of the crop's side within which a point lies with 90 %, of its confidence."""
    sure = np.clip(confidence, 1e-6, 1.0)
    return HOLDS_90 * NEAR * (1 - sure) / sure
