"""Point schemes with 68, 98 and 106 landmarks as data, and maps between point orders.

Faces of any other scheme carry its description: see `fbnet.faces.schemes`.

68 is the 300W / iBUG order, 98 is WFLW's, 106 is the order of NNI's data (NNI, InsightFace).
LaPa and JD files hold the same 106 points in another order: `LAPA_TO_NNI` sorts them.
Left and right are the picture's, not the person's. Indices count from 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np


@dataclass(frozen=True)
class Scheme:
    """What is known about one order of landmarks.

    points: number of landmarks P.
    name: where the order comes from.
    eyes: outer eye corners (left, right); their distance is the unit of NME.
    mirror: mirror[i] is the old index of the point that stands at i after a left-right flip.
    pose: the 14 points of the rigid head model in `fbnet.faces.pose`, in its order, -1 for those
    that the scheme lacks; empty where nothing is known of them, and then faces have no pose.
    regions: names of the face's parts and their points.
    """

    points: int
    name: str
    eyes: tuple[int, int]
    mirror: tuple[int, ...]
    pose: tuple[int, ...]
    regions: dict[str, tuple[int, ...]]

    @property
    def parts(self) -> dict[str, tuple[int, ...]]:
        """The regions, and the points of none under "other"; known schemes have no such points."""
        named = {point for points in self.regions.values() for point in points}
        rest = tuple(point for point in range(self.points) if point not in named)
        return self.regions | ({"other": rest} if rest else {})

    def has_order_of(self, other: "Scheme") -> bool:
        """Whether points of one number are the same, as far as eyes and mirror tell."""
        return (self.eyes, self.mirror) == (other.eyes, other.mirror)


def _span(first: int, last: int) -> tuple[int, ...]:
    """Indices first..last, both included; downwards where last < first."""
    step = 1 if last >= first else -1
    return tuple(range(first, last + step, step))


_MIRROR_68 = (
    *_span(16, 0),  # contour
    *_span(26, 17),  # brows
    *_span(27, 30),  # bridge of the nose
    *_span(35, 31),  # below the nose
    *_span(45, 42), 47, 46,  # left eye takes the right one's
    *_span(39, 36), 41, 40,
    *_span(54, 48), *_span(59, 55),  # outer lip
    *_span(64, 60), *_span(67, 65),  # inner lip
)  # fmt: skip

_MIRROR_98 = (
    *_span(32, 0),
    *_span(46, 42), *_span(50, 47),
    *_span(37, 33), *_span(41, 38),
    *_span(51, 54),
    *_span(59, 55),
    *_span(72, 68), *_span(75, 73),
    *_span(64, 60), *_span(67, 65),
    *_span(82, 76), *_span(87, 83),
    *_span(92, 88), *_span(95, 93),
    97, 96,  # pupils
)  # fmt: skip

_MIRROR_106 = (
    0, *_span(17, 32), *_span(1, 16),  # contour, chin first
    87, 88, 93, 91, 90, 92, 89, 94, 96, 95,  # left eye takes the right one's
    101, 100, 99, 97, 98, 105, 104, 102, 103,  # left brow
    61, 53, 57, 58, 59, 54, 55, 56, 60, 52, 62, 67, 68, 69, 70, 63, 64, 65, 66, 71,  # mouth
    72, 73, 74, 81, 82, 83, 84, 85, 80, 75, 76, 77, 78, 79, 86,  # nose
    33, 34, 39, 37, 36, 38, 35, 40, 42, 41,  # right eye
    46, 47, 45, 44, 43, 50, 51, 49, 48,  # right brow
)  # fmt: skip

SCHEMES: dict[int, Scheme] = {
    68: Scheme(
        points=68,
        name="300W",
        eyes=(36, 45),
        mirror=_MIRROR_68,
        pose=(17, 21, 22, 26, 36, 39, 42, 45, 31, 35, 48, 54, 57, 8),
        regions={
            "contour": _span(0, 16),
            "brows": _span(17, 26),
            "eyes": _span(36, 47),
            "nose": _span(27, 35),
            "mouth": _span(48, 67),
        },
    ),
    98: Scheme(
        points=98,
        name="WFLW",
        eyes=(60, 72),
        mirror=_MIRROR_98,
        pose=(33, 38, 50, 46, 60, 64, 68, 72, 55, 59, 76, 82, 85, 16),
        regions={
            "contour": _span(0, 32),
            "brows": _span(33, 50),
            "eyes": (*_span(60, 75), 96, 97),
            "nose": _span(51, 59),
            "mouth": _span(76, 95),
        },
    ),
    106: Scheme(
        points=106,
        name="NNI",
        eyes=(35, 93),
        mirror=_MIRROR_106,
        pose=(43, 46, 97, 101, 35, 39, 89, 93, 77, 83, 52, 61, 53, 0),
        regions={
            "contour": _span(0, 32),
            "brows": (*_span(43, 51), *_span(97, 105)),
            "eyes": (*_span(33, 42), *_span(87, 96)),
            "nose": _span(72, 86),
            "mouth": _span(52, 71),
        },
    ),
}
"""The known schemes by their number of points."""

# NNI index of every LaPa point 0..105 (JD's files use LaPa's order too).
_NNI_OF_LAPA = (
    1, *_span(9, 16), *_span(2, 8), 0, *_span(24, 18), *_span(32, 25), 17,  # contour
    43, 48, 49, 51, 50, 46, 47, 45, 44,  # left brow
    102, 103, 104, 105, 101, 100, 99, 98, 97,  # right brow
    72, 73, 74, 86, 75, 76, 77, 78, 79, 80, 85, 84, 83, 82, 81,  # nose
    35, 41, 40, 42, 39, 37, 33, 36, 34,  # left eye, 74 a pupil
    89, 95, 94, 96, 93, 91, 87, 90, 88,  # right eye, 83 a pupil
    52, 64, 63, 71, 67, 68, 61, 58, 59, 53, 56, 55,  # outer lip
    65, 66, 62, 70, 69, 57, 60, 54,  # inner lip
    38, 92,  # the second point of each pupil
)  # fmt: skip

LAPA_TO_NNI: np.ndarray = np.argsort(_NNI_OF_LAPA)
"""LAPA_TO_NNI[i] is the LaPa index of NNI point i (int64 [106]): nni = lapa[LAPA_TO_NNI]."""

NNI_TO_IBUG68: np.ndarray = np.array(
    (
        1, 10, 12, 14, 16, 3, 5, 7, 0, 23, 21, 19, 32, 30, 28, 26, 17,  # contour
        43, 48, 49, 51, 50, 102, 103, 104, 105, 101,  # brows
        72, 73, 74, 86, 78, 79, 80, 85, 84,  # nose
        35, 41, 42, 39, 37, 36, 89, 95, 96, 93, 91, 90,  # eyes
        52, 64, 63, 71, 67, 68, 61, 58, 59, 53, 56, 55, 65, 66, 62, 70, 69, 57, 60, 54,  # mouth
    )
)  # fmt: skip
"""NNI_TO_IBUG68[i] is the NNI index of 300W point i (int64 [68]): ibug = nni[NNI_TO_IBUG68].

The two conventions differ a little: by 5.1 % of the eye distance on faces labelled in both.
"""

WFLW_TO_IBUG68: np.ndarray = np.array(
    (
        *range(0, 33, 2),  # contour
        *_span(33, 37), *_span(42, 46),  # brows, their upper edge
        *_span(51, 59),  # nose
        60, 61, 63, 64, 65, 67, 68, 69, 71, 72, 73, 75,  # eyes
        *_span(76, 95),  # mouth
    )
)  # fmt: skip
"""WFLW_TO_IBUG68[i] is the WFLW index of 300W point i (int64 [68]): ibug = wflw[WFLW_TO_IBUG68]."""

TO_IBUG68 = {98: WFLW_TO_IBUG68, 106: NNI_TO_IBUG68}
"""By number of points, the schemes that hold the 68 points of 300W."""

VERTEX = "vertex"
"""Word for a vertex of the head that faces are rendered of, in place of a scheme."""
Place = tuple[tuple[int | str, int], ...]
"""A place on a rendered face: the mean of points, each of a scheme (68, 106), or a `VERTEX`."""

_HALVES = {
    "brow_outer": ("68:17", "68:26"),
    "brow_inner": ("68:21", "68:22"),
    "brow_top": ("106:49", "106:104"),
    "brow_bottom": ("106:47+106:45", "106:98+106:99"),
    "eye_outer": ("106:35", "106:93"),
    "eye_inner": ("106:39", "106:89"),
    "eye_top": ("106:40", "106:94"),
    "eye_bottom": ("106:33", "106:87"),
    "eye_centre": ("106:34", "106:88"),
    "pupil": ("106:38", "106:92"),
    "nose": ("106:77", "106:83"),
    "mouth": ("106:52", "106:61"),
}
PLACES: dict[str, str] = {
    f"{side}_{name}": pair[number]
    for name, pair in _HALVES.items()
    for number, side in enumerate(("left", "right"))
} | {
    "nose_root": "106:72",
    "nose_tip": "106:86",
    "nose_bottom": "106:80",
    "mouth_centre": "68:62+68:66",
    "upper_lip_top": "68:51",
    "upper_lip_bottom": "68:62",
    "lower_lip_top": "68:66",
    "lower_lip_bottom": "68:57",
    "chin": "106:0",
}
"""Names of places on a rendered face. Left and right are the picture's; `left_nose` is its wing."""


def place_of(text: str) -> Place:
    """The place that a name of `PLACES` stands for, or SCHEME:NUMBER or vertex:NUMBER, or several.

    Several are joined by +. Raises ValueError for what is none of them.
    """
    parts = []
    for word in PLACES.get(text, text).split("+"):
        scheme, _, number = PLACES.get(word, word).partition(":")
        of = VERTEX if scheme == VERTEX else int(scheme) if scheme in ("68", "106") else None
        points = 0 if of is None else 10**9 if isinstance(of, str) else of
        if of is None or not number.isdecimal() or len(number) > 9 or int(number) >= points:
            near = get_close_matches(word, PLACES, 1)
            raise ValueError(
                f"{word!r} is no place on the head{f'; did you mean {near[0]!r}?' if near else ''} "
                f"(68:0 to 68:67, 106:0 to 106:105, vertex:NUMBER, {', '.join(PLACES)})"
            )
        parts.append((of, int(number)))
    return tuple(sorted(parts, key=str))


def mirror_of(places: Sequence[Place]) -> tuple[int, ...]:
    """The mirror map of these places; empty where one's counterpart is not among them."""
    mirror = []
    for place in places:
        if any(of == VERTEX for of, _ in place):
            return ()
        other = tuple(sorted(((of, SCHEMES[int(of)].mirror[n]) for of, n in place), key=str))
        if other not in places:
            return ()
        mirror.append(places.index(other))
    return tuple(mirror)


def convert(points: np.ndarray, mapping: np.ndarray) -> np.ndarray:
    """Points [..., P, 2] in the order that `mapping` leads to, [..., len(mapping), 2]."""
    return points[..., mapping, :]


def eye_distance(points: np.ndarray, scheme: Scheme) -> np.ndarray:
    """Distance of the outer eye corners [...] of points [..., P, 2], in their unit."""
    left, right = scheme.eyes
    return np.linalg.norm(points[..., right, :] - points[..., left, :], axis=-1)
