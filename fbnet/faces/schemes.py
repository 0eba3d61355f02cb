"""Point schemes that a user describes, and the mirror map that the faces themselves show."""

import warnings

import numpy as np

from fbnet.errors import BadInput
from fbnet.landmarks import SCHEMES, Scheme, mirror_of, place_of
from fbnet.params import SchemeParams

ROUNDS = 6
"""Rounds of matching points with their mirror images; they settle within three."""
SYMMETRIC_SHARE, MOST_SYMMETRIC = 0.3, 8
"""Share of the faces, and how many at least, that are symmetric enough to show the pairs."""


def known_points(described: SchemeParams | None) -> tuple[int, ...]:
    """Numbers of points that a label may have: those of the known schemes and the described one."""
    own = () if described is None else (described.points,)
    return tuple(dict.fromkeys((*own, *SCHEMES)))


def scheme_of(points: int, described: SchemeParams | None) -> Scheme:
    """The scheme of labels of so many points; its mirror is empty where it has to be found.

    A description comes before a known scheme. Raises BadInput for a number that has neither.
    """
    if described is None or described.points != points:
        if points in SCHEMES:
            return SCHEMES[points]
        raise BadInput(
            f"{points} points are no known scheme (known: {', '.join(map(str, SCHEMES))}); "
            f"describe it in fetch.scheme, such as {{points: {points}, eyes: [LEFT, RIGHT]}} with "
            "the numbers, from 0, of the outer eye corners"
        )
    return Scheme(
        points=points,
        name=described.name,
        eyes=described.eyes,
        mirror=described.mirror or mirror_of([place_of(text) for text in described.head or ()]),
        pose=tuple(-1 if point is None else point for point in described.pose or ()),
        regions=dict(described.regions),
    )


def described(scheme: Scheme) -> SchemeParams:
    """The description that leads to `scheme`."""
    return SchemeParams(
        points=scheme.points,
        eyes=scheme.eyes,
        mirror=scheme.mirror or None,
        regions=scheme.regions,
        pose=tuple(None if point < 0 else point for point in scheme.pose) or None,
        name=scheme.name,
    )


def find_mirror(landmarks: np.ndarray, eyes: tuple[int, int]) -> tuple[int, ...]:
    """The mirror map (see `Scheme`) of faces [N, P, 2], NaN for points that nobody saw.

    The median shape of many faces is symmetric: each point's mirror image lies next to the point
    that takes its place. Of turned faces it is not, so the most symmetric ones are taken. Raises
    BadInput where the points do not form pairs: 100 photographs or 500 rendered faces show them.
    """
    shapes = _upright(landmarks, eyes)
    chosen = shapes
    for _ in range(ROUNDS):
        nearest = _nearest(_median(chosen, shapes))
        apart = np.linalg.norm(shapes - shapes[:, nearest] * (-1, 1), axis=2)
        most = max(MOST_SYMMETRIC, int(SYMMETRIC_SHARE * len(shapes)))
        chosen = shapes[np.argsort(np.nanmean(apart, axis=1))[:most]]
    nearest = _nearest(_median(chosen, shapes))
    alone = np.flatnonzero(nearest[nearest] != np.arange(len(nearest)))
    if alone.size or nearest[eyes[0]] != eyes[1]:
        shown = ", ".join(map(str, alone[:5])) or f"{eyes[0]}, {eyes[1]}"
        raise BadInput(
            f"{len(landmarks)} faces do not show which points change places in a mirror (points "
            f"{shown}); state fetch.scheme.mirror"
        )
    return tuple(int(point) for point in nearest)


def _median(chosen: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Median shape [P, 2] of the chosen ones; of all of them for points that these do not show."""
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        median = np.nanmedian(chosen, axis=0)
    return np.where(np.isnan(median), np.nanmedian(shapes, axis=0), median)


def _upright(landmarks: np.ndarray, eyes: tuple[int, int]) -> np.ndarray:
    """Faces [N, P, 2] with their eyes at (-0.5, 0) and (0.5, 0).

    Raises BadInput for a point that nobody ever saw.
    """
    shapes = landmarks[..., 0].astype(np.float64) + 1j * landmarks[..., 1]
    left, right = shapes[:, eyes[0], None], shapes[:, eyes[1], None]
    apart = right - left
    shapes = ((shapes - (left + right) / 2) / np.where(apart == 0, np.nan, apart))[apart[:, 0] != 0]
    if (never := np.isnan(shapes).all(axis=0)).any():
        raise BadInput(f"point {never.argmax()} is seen in no face; state fetch.scheme.mirror")
    return np.stack([shapes.real, shapes.imag], axis=-1)


def _nearest(mean: np.ndarray) -> np.ndarray:
    """Of each point of a shape [P, 2], the point whose mirror image lies nearest to it, int64 [P].

    An affine map fitted to the matches so far takes out that a head is turned.
    """
    flipped, ones = mean * (-1, 1), np.ones((len(mean), 1))
    image, nearest = flipped, np.full(len(mean), -1)
    for _ in range(ROUNDS):
        before, nearest = nearest, np.linalg.norm(mean[:, None] - image, axis=2).argmin(axis=1)
        if (nearest == before).all():
            break
        affine = np.linalg.lstsq(np.hstack([flipped[nearest], ones]), mean, rcond=None)[0]
        image = np.hstack([flipped, ones]) @ affine
    return nearest
