"""Labels that look wrong: by themselves, by the shape of the other faces, by what they show."""

from collections import Counter
from collections.abc import Iterable, Iterator
from warnings import catch_warnings, simplefilter

import cv2
import numpy as np

from fbnet.faces.faceset import CHUNK, release
from fbnet.landmarks import Scheme

UNSEEN = (0.0, -1.0, -2.0)
"""Coordinates that stand for a point nobody saw; -2 is -1 where labels count from 1."""
REPEATED = 3
"""Points in one place that are too many to be by chance."""
OUTSIDE_BOX = 0.25
"""Share of the points outside their rectangle, widened by a tenth, that is too large."""
COINCIDING = 0.02
"""Distance of the outer eye corners, in units of the crop, that is too small."""
FEWEST, FEWEST_ALIKE = 20, 30
"""Faces from which on their shapes, and their pictures, can be compared with each other."""
FEWEST_POINTS = 40
"""Points from which on they place a face well enough for its picture to be compared with others."""
COMPONENTS = 8
"""Ways in which shapes of faces differ: turns and expressions."""
STRANGE = 8.0
"""How many robust deviations from the others' median a face may be."""
MISFIT = 0.2
"""How far a face may be from any shape, as a share of its size: real ones reach 0.17."""
OUTSIDE_PICTURE = 0.1
"""Share of the points outside their picture that is too large."""
ELSEWHERE = 0.15
"""How far from where faces are in all other pictures a face may be, as a share of its picture."""
MODEL = 5_000
"""Faces, evenly chosen, from which the shapes and the mean picture are learned."""
PATCH, MEMBERS = 16, 4
"""Side of the grey picture by which faces are compared; each of its pixels is a mean of 4 x 4."""
ZOOM = 5.0
"""Side of that picture in units of the shape's length, which is about 4 standard deviations."""
ALIKE, UNLIKE = 0.4, 0.1
"""Median correlation with the mean picture from which on pictures can be compared, and that under
which a picture shows no face: of 500 photographs 0.4 % have less, moved by 0.7 of a face 72 %."""


def without_unseen(points: np.ndarray) -> np.ndarray:
    """A copy of points [P, 2] as the label has them, NaN for those labelled as unseen."""
    unseen = np.isnan(points).any(axis=1)
    unseen |= (points[:, 0] == points[:, 1]) & np.isin(points[:, 0], UNSEEN)
    return np.where(unseen[:, None], np.nan, points)


def doubt(points: np.ndarray, box: np.ndarray | None, shape: tuple[int, int] | None) -> str:
    """What is suspicious about points [P, 2] as the label has them; "" for nothing.

    box: left, top, right, bottom of the face's rectangle in pixels. shape: height and width of
    the picture in pixels, None where points are shares of a crop's side.
    """
    points = points[np.isfinite(points[:, 0])]
    places = Counter(map(tuple, points.tolist()))
    place, count = places.most_common(1)[0]
    if count >= REPEATED:
        return f"{count} points at ({place[0]:g}, {place[1]:g})"
    unseen = [place for place in places if place[0] == place[1] and place[0] in UNSEEN]
    if unseen:
        return f"a point at ({unseen[0][0]:g}, {unseen[0][1]:g}): was it not seen?"
    if box is not None:
        room = 0.1 * (box[2:] - box[:2])
        outside = ((points < box[:2] - room) | (points > box[2:] + room)).any(axis=1)
        if outside.mean() > OUTSIDE_BOX:
            return f"{int(outside.sum())} points outside the face's rectangle"
    if shape is not None:
        outside = ((points < -0.5) | (points > np.array(shape[::-1]) - 0.5)).any(axis=1)
        if outside.mean() > OUTSIDE_PICTURE:
            return f"{int(outside.sum())} points outside the picture"
    return ""


def doubts(
    landmarks: np.ndarray, images: np.ndarray, centres: np.ndarray, scheme: Scheme, margin: int
) -> dict[int, str]:
    """What is suspicious about faces beside the others, by index.

    landmarks: [N, P, 2] in units of the inner crop. images: uint8 [N, S, S, 3] with `margin`
    pixels around it. centres: [N, 2] of the faces, as shares of their pictures' width and height.
    """
    left, right = scheme.eyes
    eyes = np.linalg.norm(landmarks[:, right] - landmarks[:, left], axis=1)
    result = {int(i): "the eyes coincide" for i in np.flatnonzero(eyes < COINCIDING)}
    if len(landmarks) < FEWEST:
        return result
    landmarks = _completed(landmarks, scheme)
    shapes = _Shapes(landmarks)
    misfit = shapes.misfit(landmarks)
    for index in np.flatnonzero(_strange(misfit) & (misfit > MISFIT)):
        exchanged = landmarks[index : index + 1, list(scheme.mirror)]
        if shapes.misfit(exchanged)[0] < misfit[index] / 2:
            result.setdefault(int(index), "left and right are exchanged")
        else:
            result.setdefault(int(index), "the points form no face: scattered or in wrong order")
    for axis in centres.T:
        away = np.abs(axis - np.median(axis))
        for index in np.flatnonzero(_strange(away) & (away > ELSEWHERE)):
            result.setdefault(int(index), "not where the other pictures have their face")
    if len(landmarks) < FEWEST_ALIKE or scheme.points < FEWEST_POINTS:
        return dict(sorted(result.items()))
    likeness = shapes.likeness(landmarks, images, margin)
    if np.median(likeness) > ALIKE:
        for index in np.flatnonzero(likeness < UNLIKE):
            result.setdefault(int(index), "the picture shows no face there, or a hidden one")
    return dict(sorted(result.items()))


def _strange(values: np.ndarray) -> np.ndarray:
    """Mask [N] of values that lie far above the others."""
    middle = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - middle))
    return values > middle + STRANGE * max(float(spread), 1e-6)


class _Shapes:
    """Shapes that faces have: a mean, and the main ways in which they differ from it."""

    def __init__(self, landmarks: np.ndarray) -> None:
        chosen = np.linspace(0, len(landmarks) - 1, min(MODEL, len(landmarks))).astype(int)
        shapes = _complex(landmarks[chosen])
        self._mean = np.median(shapes.real, axis=0) + 1j * np.median(shapes.imag, axis=0)
        for _ in range(3):
            turned = _aligned(shapes, self._mean)
            far = np.abs(turned - self._mean).mean(axis=1)
            good = turned[far <= np.quantile(far, 0.8)]
            self._mean = good.mean(axis=0)
            self._mean /= np.linalg.norm(self._mean)
        count = min(COMPONENTS, len(good) // 4)
        axes = np.linalg.svd(_real(good - self._mean), full_matrices=False)[2][:count]
        self._axes = axes
        self._widest = 3.5 * (_real(good - self._mean) @ axes.T).std(axis=0)

    def misfit(self, landmarks: np.ndarray) -> np.ndarray:
        """How far each face of [N, P, 2] is from any such shape [N], as a share of its size."""
        misfits = []
        # In blocks, so that memory does not grow with the number of faces.
        for start in range(0, len(landmarks), MODEL):
            block = _complex(landmarks[start : start + MODEL])
            apart = _real(_aligned(block, self._mean) - self._mean)
            weights = np.clip(apart @ self._axes.T, -self._widest, self._widest)
            misfits.append(np.linalg.norm(apart - weights @ self._axes, axis=1))
        return np.concatenate(misfits)

    def likeness(self, landmarks: np.ndarray, images: np.ndarray, margin: int) -> np.ndarray:
        """Correlation [N] of each face, upright and of one size, with the mean of them all."""
        chosen = np.linspace(0, len(images) - 1, min(MODEL, len(images))).astype(int)
        mean = _flattened(np.mean(list(self._patches(landmarks, images, margin, chosen)), axis=0))
        patches = self._patches(landmarks, images, margin, range(len(images)))
        return np.fromiter((float(patch @ mean) for patch in patches), np.float64, len(images))

    def _patches(
        self, landmarks: np.ndarray, images: np.ndarray, margin: int, indices: Iterable[int]
    ) -> Iterator[np.ndarray]:
        """`_patch` of the faces with these indices, whose images are mapped."""
        for count, index in enumerate(indices, 1):
            yield self._patch(landmarks[index], images[index], margin)
            if count % CHUNK == 0:
                release(images)

    def _patch(self, landmarks: np.ndarray, image: np.ndarray, margin: int) -> np.ndarray:
        """The face as PATCH x PATCH grey values without mean, of length 1."""
        points = landmarks * (len(image) - 2 * margin) + (margin - 0.5)
        centre, side = points.mean(axis=0), PATCH * MEMBERS
        turn = (_complex(landmarks[None])[0].conj() @ self._mean) * side * ZOOM
        turn /= max(float(np.linalg.norm(points - centre)), 1e-9)
        linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
        matrix = np.column_stack([linear, (side - 1) / 2 - linear @ centre])
        grey = cv2.warpAffine(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), matrix, (side, side))
        small = cv2.resize(grey, (PATCH, PATCH), interpolation=cv2.INTER_AREA)
        return _flattened(small.astype(np.float64))


def _completed(landmarks: np.ndarray, scheme: Scheme) -> np.ndarray:
    """Faces [N, P, 2] whose unseen points lie where the median face has them, by its eyes."""
    unseen = np.isnan(landmarks[..., 0])
    if not unseen.any():
        return landmarks
    shapes = landmarks[..., 0].astype(np.float64) + 1j * landmarks[..., 1]
    left, right = (shapes[:, eye, None] for eye in scheme.eyes)
    apart = np.where(right == left, 1e-9, right - left)
    frontal = (shapes - left) / apart
    with catch_warnings():
        simplefilter("ignore", RuntimeWarning)  # of a point that no face shows
        median = np.nanmedian(frontal.real, axis=0) + 1j * np.nanmedian(frontal.imag, axis=0)
    whole = np.where(unseen, left + np.nan_to_num(median) * apart, shapes)
    return np.stack([whole.real, whole.imag], axis=-1)


def _complex(landmarks: np.ndarray) -> np.ndarray:
    """Points [N, P, 2] as numbers x + iy [N, P], centred, of length 1."""
    shapes = landmarks[..., 0].astype(np.float64) + 1j * landmarks[..., 1]
    shapes -= shapes.mean(axis=1, keepdims=True)
    return np.asarray(shapes / np.maximum(np.linalg.norm(shapes, axis=1, keepdims=True), 1e-9))


def _aligned(shapes: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Shapes [N, P] turned and scaled to lie as near to the mean [P] as they can."""
    return np.asarray(shapes * (shapes.conj() @ mean)[:, None] / np.linalg.norm(mean) ** 2)


def _real(shapes: np.ndarray) -> np.ndarray:
    return np.concatenate([shapes.real, shapes.imag], axis=1)


def _flattened(values: np.ndarray) -> np.ndarray:
    flat = values.ravel() - values.mean()
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-9))
