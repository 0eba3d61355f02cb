"""From one geometry to the labels of two conventions: 106 points (NNI) or 68 (300W)."""

from collections.abc import Callable, Mapping

import numpy as np

from fbnet.faces.synthetic.landmarks import space_evenly
from fbnet.landmarks import NNI_TO_IBUG68

LIDS = {
    (37, 38): (35, 41, 40, 42, 39),
    (40, 41): (39, 37, 33, 36, 35),
    (43, 44): (89, 95, 94, 96, 93),
    (46, 47): (93, 91, 87, 90, 89),
}
"""300W puts two points on a lid where NNI has three: their numbers, and the lid in NNI order."""


def nni_points(flat: np.ndarray) -> np.ndarray:
    """The 106 points as they are."""
    return flat


def ibug_points(flat: np.ndarray) -> np.ndarray:
    """300W labels float32 [68,2] from the 106 of NNI [106,2], both in the camera's plane.

    Contour, brows, nose and mouth are shared; the lid points lie at thirds of the lid.
    """
    points = flat[NNI_TO_IBUG68].copy()
    for numbers, lid in LIDS.items():
        points[list(numbers)] = space_evenly(flat[list(lid)], 4)[1:3]
    return points


LABELS: Mapping[int, Callable[[np.ndarray], np.ndarray]] = {106: nni_points, 68: ibug_points}
"""By the number of points: labels from the 106 surface points in the camera's plane."""
