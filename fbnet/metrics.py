"""Accuracy of landmarks: NME, its distribution (CED) and the mean face as a floor.

Landmarks are arrays [N, P, 2] of (x, y) in one unit, any unit: every figure is a ratio. An NME is
a fraction of a normaliser (0.05 is 5 %), never per cent. A mean is over faces, not over batches.
True points that nobody saw are NaN, and so are their errors: a face's is the mean of the rest.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fbnet.errors import BadInput
from fbnet.landmarks import Scheme, eye_distance

THRESHOLDS = {"08": 0.08, "10": 0.10}
"""JD-106 challenges score at 8 % of the box, the papers on 68 and 98 points at 10 %."""

YAW_BANDS_DEG = {
    "yaw_0_15": (0.0, 15.0),
    "yaw_15_30": (15.0, 30.0),
    "yaw_30_45": (30.0, 45.0),
    "yaw_45_90": (45.0, 181.0),
}
"""Half-open ranges [low, high) of the absolute yaw."""

Normaliser = Callable[[np.ndarray, Scheme], np.ndarray]


def box_size(landmarks: np.ndarray, scheme: Scheme | None = None) -> np.ndarray:
    """sqrt(width * height) of the landmarks' upright box, [N] (JD-106 challenges)."""
    low, high = np.fmin.reduce(landmarks, axis=1), np.fmax.reduce(landmarks, axis=1)
    return np.sqrt((high - low).prod(axis=1))


def point_errors(
    predicted: np.ndarray, true: np.ndarray, scheme: Scheme, normaliser: Normaliser = eye_distance
) -> np.ndarray:
    """Distance of each predicted point from the true one over the true face's size, [N, P].

    Raises BadInput when shapes disagree or a true face has size 0 (its NME does not exist).
    """
    predicted = np.asarray(predicted, np.float64)
    true = np.asarray(true, np.float64)
    if predicted.shape != true.shape or true.shape[1:] != (scheme.points, 2):
        raise BadInput(
            f"landmarks of shape {predicted.shape} against {true.shape}: "
            f"both must be [N, {scheme.points}, 2]"
        )
    size = normaliser(true, scheme)
    bad = np.flatnonzero(~(size > 0))
    if bad.size:
        raise BadInput(
            f"face {bad[0]} ({bad.size} in all): {normaliser.__name__} is {size[bad[0]]}, "
            "so it has no NME; fix its true landmarks or leave it out"
        )
    return np.linalg.norm(predicted - true, axis=2) / size[:, None]


def nme(
    predicted: np.ndarray, true: np.ndarray, scheme: Scheme, normaliser: Normaliser = eye_distance
) -> np.ndarray:
    """Normalised mean error of each face, [N]."""
    return face_errors(point_errors(predicted, true, scheme, normaliser))


def face_errors(errors: np.ndarray) -> np.ndarray:
    """Mean [N] of each face's point errors [N, P], those of unseen points left out."""
    return np.asarray(np.nanmean(errors, axis=1))


def failure_rate(errors: Sequence[float] | np.ndarray, threshold: float) -> float:
    """Share of faces with an error above `threshold`, 0..1."""
    return float(np.mean(_some(errors) > threshold))


def auc(errors: Sequence[float] | np.ndarray, threshold: float) -> float:
    """Area under the CED from 0 to `threshold`, over `threshold`: 0..1.

    The CED is a staircase, so the area is exact: a face of error e adds max(0, 1 - e/threshold).
    The usual sum over a grid of step 1e-4 (polaris, PIPNet) tends to this as the step shrinks.
    """
    return float(np.mean(np.clip(1 - _some(errors) / threshold, 0, 1)))


def ced(errors: Sequence[float] | np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Cumulative error distribution: share of faces with error <= level, for each level."""
    ordered = np.sort(_some(errors))
    return np.searchsorted(ordered, levels, side="right") / len(ordered)


def mean_face(landmarks: np.ndarray) -> np.ndarray:
    """Mean landmarks [P, 2] of a training set [N, P, 2] in units of the crop; NaN for none."""
    if len(landmarks) == 0:
        raise BadInput("no training face to take the mean face from")
    landmarks = np.asarray(landmarks, np.float64)
    total, seen = np.nansum(landmarks, axis=0), (~np.isnan(landmarks)).sum(axis=0)
    return np.where(seen > 0, total / np.maximum(seen, 1), np.nan)


def mean_face_nme(train: np.ndarray, true: np.ndarray, scheme: Scheme) -> float:
    """NME of answering the TRAIN set's mean face everywhere: a net must be below this."""
    guess = np.broadcast_to(mean_face(train), true.shape)
    return float(nme(guess, true, scheme).mean())


def region_nme(errors: np.ndarray, scheme: Scheme) -> dict[str, float]:
    """Mean of the point errors [N, P] over each region of the face that was seen in one."""
    parts = {name: errors[:, list(indices)] for name, indices in scheme.regions.items()}
    return {
        name: float(np.nanmean(part)) for name, part in parts.items() if np.isfinite(part).any()
    }


def yaw_nme(
    errors: np.ndarray, pose: np.ndarray, bands: Mapping[str, tuple[float, float]] = YAW_BANDS_DEG
) -> dict[str, float]:
    """Mean NME [N] of the faces in each band of |yaw| that holds any.

    `pose` is [N, 3] pitch, yaw, roll in radians; `bands` are half-open ranges in degrees.
    """
    yaw = np.abs(np.degrees(np.asarray(pose, np.float64)[:, 1]))
    chosen = {name: (yaw >= low) & (yaw < high) for name, (low, high) in bands.items()}
    return {name: float(errors[mask].mean()) for name, mask in chosen.items() if mask.any()}


def summary(predicted: np.ndarray, true: np.ndarray, scheme: Scheme) -> dict[str, float]:
    """Headline accuracy: nme, nme_box, and FR and AUC of the NME at each threshold.

    nme_box is over the faces that have a box, and missing where none has.
    """
    errors, boxed = nme(predicted, true, scheme), box_size(true) > 0
    figures = {"nme": float(errors.mean())}
    if boxed.any():  # a face's seen points may lie on one line
        figures["nme_box"] = float(nme(predicted[boxed], true[boxed], scheme, box_size).mean())
    for name, threshold in THRESHOLDS.items():
        figures[f"fr_{name}"] = failure_rate(errors, threshold)
        figures[f"auc_{name}"] = auc(errors, threshold)
    return figures


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Rank correlation of two arrays of one length, -1..1; equal values in the order they stand."""
    first, second = (np.argsort(np.argsort(values, kind="stable")) for values in (one, other))
    return float(np.corrcoef(first, second)[0, 1])


def area_under_roc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Chance that a positive (bool) has a higher score than a negative, 0..1; NaN without both."""
    _, level, equal = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(equal) - (equal - 1) / 2)[level]  # equal scores share their mean rank
    count = int(positive.sum())
    pairs = count * (len(scores) - count)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / pairs) if pairs else np.nan


def evenly(count: int, shown: int) -> np.ndarray:
    """`shown` of `count` rows, or all of them, evenly from the first to the last: int64, rising."""
    return np.linspace(0, count - 1, min(shown, count)).round().astype(int)


def spread_and_worst(errors: np.ndarray, spread: int, worst: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices into errors [N]: `spread` evenly over the set, and the `worst`, largest error first.

    Both are at most N; of equal errors the earlier face comes first.
    """
    return evenly(len(errors), spread), np.argsort(-errors, kind="stable")[:worst]


def _some(errors: Sequence[float] | np.ndarray) -> np.ndarray:
    """The errors as an array. Raises BadInput when there are none, since a mean needs one."""
    values = np.asarray(errors, np.float64)
    if values.size == 0:
        raise BadInput("no face to score: the set is empty")
    return values
