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

BROWS = {
    17: (43, 44, 0.22), 18: (48, 44, 0.55), 19: (49, 45, 0.4), 20: (51, 47, 0.2), 21: (50, 46, 0.1),
    22: (102, 97, 0.1), 23: (103, 98, 0.2), 24: (104, 99, 0.4), 25: (105, 100, 0.55),
    26: (101, 100, 0.22),
}  # fmt: skip
"""300W number: two NNI points of the brow (mostly its upper and lower edge), and how far from the
first to the second 300W's annotators mark; measured on photographs, see docs/synthetic.md."""


def nni_points(flat: np.ndarray) -> np.ndarray:
    """The 106 points as they are."""
    return flat


def ibug_points(flat: np.ndarray) -> np.ndarray:
    """300W labels float32 [68,2] from the 106 of NNI [106,2], both in the camera's plane.

    Contour, nose and mouth are shared; lid points lie at thirds of the lid, brow points between
    the edges of the brow.
    """
    points = flat[NNI_TO_IBUG68].copy()
    for number, (upper, lower, share) in BROWS.items():
        points[number] = flat[upper] + (flat[lower] - flat[upper]) * share
    for numbers, lid in LIDS.items():
        points[list(numbers)] = space_evenly(flat[list(lid)], 4)[1:3]
    return points


LABELS: Mapping[int, Callable[[np.ndarray], np.ndarray]] = {106: nni_points, 68: ibug_points}
"""By the number of points: labels from the 106 surface points in the camera's plane."""
