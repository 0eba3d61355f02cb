"""Labels: the 106 points of JD in NNI's order, and the 68 of 300W, from the same geometry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fbnet.faces.synthetic.camera import Camera
from fbnet.faces.synthetic.expression import Eyeball
from fbnet.faces.synthetic.hair import BrowShape, brow_points
from fbnet.faces.synthetic.head import CONTOUR, Head
from fbnet.landmarks import NNI_TO_IBUG68, Place

LEFT_BROW = (50, 51, 49, 48, 43, 46, 47, 45, 44)
RIGHT_BROW = (102, 103, 104, 105, 101, 97, 98, 99, 100)
"""Upper edge from the inner to the outer end, then the lower edge; image left and right."""
LEFT_EYE_OUTLINE = (35, 41, 40, 42, 39, 37, 33, 36)
RIGHT_EYE_OUTLINE = (93, 96, 94, 95, 89, 90, 87, 91)
"""From the outer corner over the upper lid to the inner one and back; image left and right."""
NOSE_SIDES = {75: (-0.087, 7.279), 81: (0.087, 7.279)}
"""NNI number: x and y on the neutral face, decimetres, of JD's upper nose sides, which 300W has
not; measured, see docs/synthetic.md."""
SLIDES = np.clip((np.abs(np.arange(35) - 17) - 3) / 6, 0, 1)
"""Share of its slide row a point of the contour, temples included, may use: none near the chin, or
it climbs to the lips."""
SHORTER = 0.2
"""How much later the contour begins on the side turned away, decimetres at 90 degrees: there
annotators start below the outer corner of the eye; measured, see docs/synthetic.md."""
EYE_CENTRES, PUPILS = (34, 88), (38, 92)
"""Image left and right."""
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
"""300W number: two surface points of the brow (mostly its upper and lower edge), and how far from
the first to the second 300W's annotators mark; measured on photographs, see docs/synthetic.md."""
BROW_TIPS = {43: (43, 44, 0.45), 101: (101, 100, 0.45)}
"""The same for JD, by NNI number: outer ends lie before the last hairs."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What the camera sees, before annotators of one convention mark it.

    Rows are x, y in the camera's plane and depth z, larger nearer. points float32 [106,3]: surface
    points in NNI's order, the contour as 300W has it. contour float32 [35,3]: temple to temple over
    the chin, slid to the silhouette and not spaced; its ends lie above the contour of 300W. skip:
    length left out at the start of each half.
    """

    points: np.ndarray
    contour: np.ndarray
    skip: tuple[float, float]


def surface_points(
    head: Head, vertices: np.ndarray, brows: BrowShape, eyes: list[Eyeball]
) -> np.ndarray:
    """Landmarks on the morphed head, model frame, float32 [106,3]; the contour not yet slid."""
    corners, weights = head.landmark_vertices.copy(), head.landmark_weights.copy()
    for numbers, side in ((LEFT_BROW, -1), (RIGHT_BROW, 1)):
        corners[list(numbers)], weights[list(numbers)] = brow_points(head, brows, side)
    sides = list(NOSE_SIDES)
    corners[sides], weights[sides] = head.frontal.cast(*np.array(list(NOSE_SIDES.values())).T)
    points = (vertices[corners] * weights[..., None]).sum(1)
    outlines = (LEFT_EYE_OUTLINE, RIGHT_EYE_OUTLINE)
    for centre, outline in zip(EYE_CENTRES, outlines, strict=True):
        points[centre] = points[list(outline)].mean(0)
    for pupil, eye, outline in zip(PUPILS, eyes, outlines, strict=True):
        points[pupil] = eye.pupil
        # Between the lids: on a closed eye annotators mark where they meet.
        lids = points[[outline[2], outline[6]], 1]
        points[pupil, 1] = np.clip(points[pupil, 1], lids.min(), lids.max())
    return points.astype(np.float32)


def project_landmarks(head: Head, vertices: np.ndarray, points: np.ndarray, camera: Camera) -> Seen:
    """Surface points float32 [106,3] and the contour as the camera sees them.

    The contour turned away slides to the silhouette.
    """
    flat = camera.project(camera.place(points))
    corners, weights = (
        np.concatenate([temple[:1], rows, temple[1:]])
        for temple, rows in zip(
            head.temples, (head.slide_vertices, head.slide_weights), strict=True
        )
    )
    places = (vertices[corners] * weights[..., None]).sum(2)
    rows = camera.project(camera.place(places.reshape(-1, 3))).reshape(places.shape)
    contour = np.concatenate([rows[:1, 0], flat[list(CONTOUR)], rows[-1:, 0]])
    if abs(camera.angles[1]) > 1e-6:
        _slide(rows, camera, contour)
    turned = np.sin(camera.angles[1])
    skip = (SHORTER * max(turned, 0), SHORTER * max(-turned, 0))
    flat[list(CONTOUR)] = _space_halves(contour[1:-1], skip)
    return Seen(flat.astype(np.float32), contour, skip)


def _slide(rows: np.ndarray, camera: Camera, contour: np.ndarray) -> None:
    """Move the far half of `contour` [35,3] to the outermost of its `rows` [35,16,3], in place."""
    far = -1 if camera.angles[1] > 0 else 1
    chin = len(contour) // 2
    half = list(range(chin)) if far < 0 else list(range(chin + 1, len(contour)))
    roll = camera.angles[2]
    outward = rows[half, :, :2] @ np.array([np.cos(roll), np.sin(roll)]) * far
    beyond = np.arange(rows.shape[1]) > SLIDES[half][:, None] * (rows.shape[1] - 1)
    outward[beyond] = -np.inf
    contour[half] = rows[half, outward.argmax(1)]


def _space_halves(contour: np.ndarray, skip: tuple[float, float]) -> np.ndarray:
    """The 33 contour points [33,3], each half evenly along its length; the chin stays.

    contour [n,3]: temple to temple, the chin in its middle; skip: length left out at each end.
    """
    chin = len(contour) // 2
    left = space_evenly(contour[: chin + 1], 17, skip[0])
    right = space_evenly(contour[: chin - 1 : -1], 17, skip[1])
    return np.concatenate([left, right[-2::-1]])


def space_evenly(line: np.ndarray, count: int | None = None, skip: float = 0.0) -> np.ndarray:
    """The polyline [n,2 or 3] as `count` points (n by default) at equal distances along its x, y.

    skip: length left out at its start.
    """
    steps = np.linalg.norm(np.diff(line[:, :2], axis=0), axis=1)
    length = np.concatenate([[0], np.cumsum(steps)])
    even = np.linspace(skip, length[-1], count or len(line))
    return np.stack([np.interp(even, length, line[:, i]) for i in range(line.shape[1])], axis=1)


def jd_points(seen: Seen) -> np.ndarray:
    """JD's labels in NNI's order, float32 [106,3]: the contour begins at the temples."""
    points = seen.points.copy()
    points[list(CONTOUR)] = _space_halves(seen.contour, seen.skip)
    for number, (tip, lower, share) in BROW_TIPS.items():
        points[number] = seen.points[tip] + (seen.points[lower] - seen.points[tip]) * share
    return points


def ibug_points(seen: Seen) -> np.ndarray:
    """300W labels float32 [68,3].

    Lid points lie at thirds of the lid, brow points between the edges of the brow.
    """
    flat = seen.points
    points = flat[NNI_TO_IBUG68]
    for number, (upper, lower, share) in BROWS.items():
        points[number] = flat[upper] + (flat[lower] - flat[upper]) * share
    for numbers, lid in LIDS.items():
        points[list(numbers)] = space_evenly(flat[list(lid)], 4)[1:3]
    return points


def own_points(
    places: Sequence[Place], seen: Seen, vertices: np.ndarray, camera: Camera
) -> np.ndarray:
    """Labels [P,3] at `places`; vertices: the morphed head's, model frame."""
    of = {points: label(seen) for points, label in LABELS.items()}

    def point(scheme: int | str, number: int) -> np.ndarray:
        if isinstance(scheme, int):
            return of[scheme][number]
        return camera.project(camera.place(vertices[number : number + 1]))[0]

    means = [np.mean([point(*part) for part in place], axis=0) for place in places]
    return np.array(means, np.float32)


LABELS: Mapping[int, Callable[[Seen], np.ndarray]] = {106: jd_points, 68: ibug_points}
"""By the number of points: labels [P,3], in the camera's plane and in depth."""
