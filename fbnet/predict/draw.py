"""Landmarks drawn on pictures: points, and the outlines of the face's parts."""

from collections.abc import Sequence

import cv2
import numpy as np

from fbnet.faces.pose import matrix_from_angles
from fbnet.landmarks import LAPA_TO_NNI, SCHEMES, Scheme
from fbnet.predict.landmarker import Face

Outline = tuple[str, tuple[int, ...], bool]
"""Part of the face, its points in the order of a line, and whether the line is closed."""
COLOURS = {
    "contour": (255, 200, 90),
    "brows": (90, 220, 255),
    "eyes": (120, 255, 90),
    "nose": (255, 120, 220),
    "mouth": (90, 110, 255),
}
"""BGR by part, as in `Scheme.regions`."""
OTHER = (255, 255, 255)
"""BGR of points of no such part."""
EDGE = (20, 20, 20)
SHIFT = 4
"""Binary digits behind the point: points are drawn to a sixteenth of a pixel."""
HIDDEN = 0.5
"""Visibility below which a point is drawn hollow."""
AXES = {
    (1.0, 0.0, 0.0): (90, 90, 255),
    (0.0, -1.0, 0.0): (120, 255, 120),
    (0.0, 0.0, -1.0): (255, 140, 60),
}
"""BGR of the head's axes: to the picture's right, up, and where the face looks."""
AXIS = 0.45
"""Length of an axis by the side of the face."""
RING = 1.6
"""Radius of a hollow point by that of others."""
DOT, LINE = 1 / 110, 1 / 200
"""Radius of a point and width of a line, by the side of the face."""
THIN = 20
"""Side of a face in pixels, by the root of its points, below which dots and dark edges would touch:
lines of one pixel are drawn then, and little dots, so that eyes and mouth stay open."""
SMALL, MOST = 320, 1600
"""Pictures are enlarged until their smallest face has a side of `SMALL` pixels, or they `MOST`."""


def _span(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


def _parts(*parts: tuple[str, int, int, bool]) -> tuple[Outline, ...]:
    return tuple((region, _span(first, last), closed) for region, first, last, closed in parts)


_LAPA_106 = _parts(
    ("contour", 0, 32, False),
    ("brows", 33, 41, True), ("brows", 42, 50, True),
    ("nose", 51, 54, False), ("nose", 55, 65, False),
    ("eyes", 66, 73, True), ("eyes", 75, 82, True),
    ("mouth", 84, 95, True), ("mouth", 96, 103, True),
)  # fmt: skip
_NNI_OF_LAPA = np.argsort(LAPA_TO_NNI)

OUTLINES: dict[int, tuple[Outline, ...]] = {
    68: _parts(
        ("contour", 0, 16, False),
        ("brows", 17, 21, False), ("brows", 22, 26, False),
        ("nose", 27, 30, False), ("nose", 31, 35, False),
        ("eyes", 36, 41, True), ("eyes", 42, 47, True),
        ("mouth", 48, 59, True), ("mouth", 60, 67, True),
    ),
    98: _parts(
        ("contour", 0, 32, False),
        ("brows", 33, 41, True), ("brows", 42, 50, True),
        ("nose", 51, 54, False), ("nose", 55, 59, False),
        ("eyes", 60, 67, True), ("eyes", 68, 75, True),
        ("mouth", 76, 87, True), ("mouth", 88, 95, True),
    ),
    106: tuple(
        (region, tuple(int(_NNI_OF_LAPA[point]) for point in points), closed)
        for region, points, closed in _LAPA_106
    ),
}  # fmt: skip
"""Outlines by the number of points; those of 106 are stated in LaPa's order, which follows them."""


def outlines(scheme: Scheme) -> tuple[Outline, ...]:
    """The outlines of a scheme; of one's own there are none."""
    return OUTLINES[scheme.points] if scheme in SCHEMES.values() else ()


def draw(
    picture: np.ndarray,
    faces: Sequence[Face],
    enlarge: bool = False,
    scheme: Scheme | None = None,
) -> np.ndarray:
    """A copy of a picture uint8 BGR [H, W, 3] with the faces' landmarks and outlines.

    Points that a model with that head takes for hidden are hollow, on small faces dark; of one that
    gives the pose, the head's axes start between the points. enlarge: make it larger by a whole
    number where a small face would drown in its points. scheme: the order of the landmarks where
    their number does not say it; one's own has no outlines.
    """
    factor = _factor(picture, faces) if enlarge else 1
    drawn = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    for face in faces:
        order = scheme or SCHEMES[len(face.landmarks)]
        hollow = np.zeros(len(face.landmarks), bool)
        if face.visibility is not None:
            hollow = face.visibility < HIDDEN
        landmarks = (face.landmarks + 0.5) * factor - 0.5
        _draw_face(drawn, landmarks, hollow, face.number, order)
        if face.pose is not None:
            _draw_axes(drawn, landmarks, face.pose)
    return drawn


def _factor(picture: np.ndarray, faces: Sequence[Face]) -> int:
    sides = [_side(face.landmarks) for face in faces]
    if not sides:
        return 1
    return max(1, min(round(SMALL / max(min(sides), 1)), MOST // max(picture.shape[:2])))


def _side(landmarks: np.ndarray) -> float:
    """Longer side of the box around landmarks [P, 2]."""
    return float(np.ptp(landmarks, axis=0).max())


def _thin(landmarks: np.ndarray) -> bool:
    """Whether a face of these landmarks [P, 2] is drawn by thin lines; see `THIN`."""
    return _side(landmarks) < THIN * len(landmarks) ** 0.5


def _draw_face(
    drawn: np.ndarray,
    landmarks: np.ndarray,
    hollow: np.ndarray,
    number: int | None,
    scheme: Scheme,
) -> None:
    side, thin = _side(landmarks), _thin(landmarks)
    radius, width = max(0.7, DOT * side), max(1, round(LINE * side))
    fixed = _fixed(landmarks)
    for region, points, closed in outlines(scheme):
        _draw_line(drawn, fixed[list(points)], closed, COLOURS[region], width, thin)
    for region, points in scheme.parts.items():
        colour = COLOURS.get(region, OTHER)
        rim, ring, little = max(0.4, radius / 3), RING * radius, max(0.0, radius - 1)
        dot = [(EDGE, radius + rim), (colour, radius)]
        empty = [(EDGE, ring + rim), (colour, ring), (EDGE, ring - max(1.0, radius / 2))]
        if thin:
            dot, empty = [(colour, little)], [(EDGE, little)]
        for point in points:
            x, y = fixed[point].tolist()
            for shade, size in empty if hollow[point] else dot:
                cv2.circle(drawn, (x, y), round(size * 2**SHIFT), shade, -1, _kind(thin), SHIFT)
    if number is not None:
        at = (round(landmarks[:, 0].min()), round(landmarks[:, 1].min() - 4 * radius))
        height = max(0.4, side / 400)
        for colour, stroke in ((EDGE, 2 * width + 3), ((255, 255, 255), width)):
            cv2.putText(drawn, str(number), at, cv2.FONT_HERSHEY_SIMPLEX, height, colour, stroke)


def _draw_axes(drawn: np.ndarray, landmarks: np.ndarray, pose: np.ndarray) -> None:
    """The head's axes by its pose in degrees, from the middle of the landmarks; depth is flat."""
    side, thin = _side(landmarks), _thin(landmarks)
    width = max(1, round(2 * LINE * side))
    start, turn = landmarks.mean(axis=0), matrix_from_angles(np.radians(pose))
    # The nearest axis is drawn last, over the others.
    for direction, colour in sorted(AXES.items(), key=lambda axis: -(turn @ axis[0])[2]):
        end = start + AXIS * side * (turn @ direction)[:2]
        _draw_line(drawn, _fixed(np.stack([start, end])), False, colour, width, thin)


def _fixed(points: np.ndarray) -> np.ndarray:
    """Points [n, 2] in pixels as OpenCV takes them: int32 [n, 2], with `SHIFT` binary digits."""
    return np.rint(points * 2**SHIFT).clip(-(2**29), 2**29).astype(np.int32)


def _draw_line(
    drawn: np.ndarray,
    fixed: np.ndarray,
    closed: bool,
    colour: tuple[int, int, int],
    width: int,
    thin: bool,
) -> None:
    """A line of a width in pixels through points [n, 2] of `_fixed`, dark edges unless thin."""
    strokes = ((colour, width),) if thin else ((EDGE, width + 2), (colour, width))
    for shade, stroke in strokes:
        cv2.polylines(drawn, [fixed], closed, shade, stroke, _kind(thin), SHIFT)


def _kind(thin: bool) -> int:
    """How OpenCV draws: smooth edges make a line of one pixel look three wide."""
    return cv2.LINE_8 if thin else cv2.LINE_AA
