"""Numbers that tell whether a face set's labels make sense."""

import numpy as np

from fbnet.faces.faceset import SPLITS, FaceSet
from fbnet.landmarks import eye_distance

AXES = ("pitch", "yaw", "roll")


def statistics(faces: FaceSet) -> dict[str, float]:
    """Counts and label statistics, plain numbers.

    train, validation, test, faces, groups: counts. points: landmarks per face. size, margin:
    pixels. eye_distance: mean distance of the outer eye corners in units of the crop.
    points_outside: share of the points outside the inner crop. pitch_mean_deg, ... roll_std_deg.
    """
    outside = (faces.landmarks < 0) | (faces.landmarks > 1)
    degrees = np.degrees(faces.pose.astype(np.float64))
    numbers: dict[str, float] = {name: len(faces.indices(name)) for name in SPLITS}
    numbers |= {
        "faces": len(faces),
        "groups": len(set(faces.groups)),
        "points": faces.points,
        "size": faces.size,
        "margin": faces.margin,
        "eye_distance": _rounded(eye_distance(faces.landmarks, faces.scheme).mean()),
        "points_outside": _rounded(outside.any(axis=-1).mean()),
    }
    for axis, values in zip(AXES, degrees.T, strict=True):
        numbers[f"{axis}_mean_deg"] = _rounded(values.mean())
        numbers[f"{axis}_std_deg"] = _rounded(values.std())
    return numbers


def _rounded(value: np.floating) -> float:
    """Six digits: the rest differs between machines."""
    return float(f"{value:.6g}")
