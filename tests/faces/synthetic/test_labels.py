"""Labels of both point orders against routes of their own: the picture, and the mirror."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from fbnet.faces.synthetic.camera import Camera, Crop, View, make_camera
from fbnet.faces.synthetic.drawing import Draws
from fbnet.faces.synthetic.expression import Expression, draw_expression, find_eyes
from fbnet.faces.synthetic.hair import draw_brows
from fbnet.faces.synthetic.head import CONTOUR, LASHES, LEFT_EYE, RIGHT_EYE, Head
from fbnet.faces.synthetic.identity import draw_person
from fbnet.faces.synthetic.landmarks import LABELS, project_landmarks, surface_points
from fbnet.faces.synthetic.mesh import join
from fbnet.faces.synthetic.raster import rasterise
from fbnet.faces.synthetic.scene import aim
from fbnet.faces.synthetic.subject import draw_subject
from fbnet.landmarks import SCHEMES
from fbnet.params import SyntheticParams

PARAMS = SyntheticParams(seed=3)
PIXEL = 1.7 / 112
"""About a pixel of a default crop, decimetres."""
LENS = 8.0
SIZE, LARGE, HALF = 112, 6, 0.5
"""Pixels of a crop's side, samples along each side of a pixel, and the error allowed, pixels."""


class Drawn(NamedTuple):
    """places [P,2]: labels in pixels; material [side,side]: what each sample shows, -1 nothing."""

    places: np.ndarray
    material: np.ndarray


def reflected(head: Head) -> Head:
    """The head in a mirror: all geometry flipped, left and right exchanged."""
    order = list(SCHEMES[106].mirror)
    part = head.part.copy()
    part[head.part == LEFT_EYE], part[head.part == RIGHT_EYE] = RIGHT_EYE, LEFT_EYE
    return dataclasses.replace(
        head,
        vertices=head.vertices * np.array([-1, 1, 1], np.float32),
        triangles=head.triangles[:, ::-1],
        part=part,
        targets=head.targets * np.array([-1, 1, 1], np.float32)[:, None],
        landmark_vertices=head.landmark_vertices[order],
        landmark_weights=head.landmark_weights[order],
        slide_vertices=head.slide_vertices[::-1],
        slide_weights=head.slide_weights[::-1],
    )


def labels(head: Head, number: int, points: int, side: int) -> np.ndarray:
    """Labels [P,2] of person `number` in the camera's plane; side -1 looks the other way."""
    draws = Draws(PARAMS.seed, number, number)
    person, drawn = draw_person(head, draws, PARAMS), draw_expression(draws, PARAMS)
    expression = Expression(drawn.weights, side * drawn.gaze_yaw, drawn.gaze_pitch)
    vertices = head.morph({**person.weights, **expression.weights})
    eyes = find_eyes(head, vertices, expression)
    brows = draw_brows(draws, person.male)
    placed = surface_points(head, vertices, brows, eyes)
    return LABELS[points](project_landmarks(head, vertices, placed, camera(number, side)))[:, :2]


def camera(number: int, side: int = 1) -> Camera:
    pitch, yaw, roll = np.random.default_rng([number, 5]).uniform(-0.9, 0.9, 3) * (0.4, 1, 0.4)
    return make_camera(np.array([pitch, side * yaw, side * roll]), 6.9, LENS)


@pytest.fixture(scope="module")
def mirror_head(head: Head) -> Head:
    return reflected(head)


@pytest.mark.parametrize("points", LABELS)
@pytest.mark.parametrize("number", range(6))
def test_mirrored_scene_has_the_mirrored_label(
    head: Head, mirror_head: Head, points: int, number: int
) -> None:
    """The same person, expression and camera seen in a mirror."""
    seen = labels(mirror_head, number, points, -1)
    wanted = labels(head, number, points, 1)[list(SCHEMES[points].mirror)] * [-1, 1]
    # Brows are cast through a buffer of pixels of 0.27 mm.
    assert np.abs(seen - wanted).max() < 0.3 * PIXEL


def drawn(head: Head, number: int, points: int, angles: tuple[float, float, float]) -> Drawn:
    """Person `number` at rest, drawn large by the rasteriser alone."""
    draws = Draws(PARAMS.seed, number, number)
    vertices = head.morph(draw_person(head, draws, PARAMS).weights)
    eyes = find_eyes(head, vertices, Expression({}, 0.0, 0.0))
    placed = surface_points(head, vertices, draw_brows(draws, 0.5), eyes)
    camera = make_camera(np.array(angles), 6.9, LENS)
    flat = LABELS[points](project_landmarks(head, vertices, placed, camera))[:, :2]
    view = View(camera, Crop(flat.mean(0), 2.1), SIZE, 0, LARGE)
    mesh = join(head, vertices, [], camera)
    solid = mesh.material < LASHES
    seen = rasterise(view.samples(mesh.points), mesh.triangles[solid], view.side, view.side)
    material = np.full(view.side**2, -1)
    material[seen.pixel] = mesh.material[solid][seen.triangle]
    places = view.crop.units(flat) * SIZE
    return Drawn(places, material.reshape(view.side, view.side))


def off(place: np.ndarray, marked: np.ndarray) -> float:
    """Distance of a place [2], pixels, from the nearest marked sample [side,side]."""
    rows, columns = np.nonzero(marked)
    samples = (np.stack([columns, rows], axis=1) + 0.5) / LARGE
    return float(np.linalg.norm(samples - place, axis=1).min())


@pytest.mark.parametrize("number", range(3))
def test_lid_points_of_300w_lie_where_lid_meets_eye(head: Head, number: int) -> None:
    face = drawn(head, number, 68, (0, 0, 0))
    eye = np.isin(face.material, (LEFT_EYE, RIGHT_EYE)).astype(np.uint8)
    edge = cv2.dilate(eye, np.ones((3, 3), np.uint8)) != eye
    for point in (37, 38, 40, 41, 43, 44, 46, 47):
        assert off(face.places[point], edge) < HALF, point


@pytest.mark.parametrize(
    ("points", "cheek"), [(68, range(1, 5)), (106, (1, 9, 10, 11, 12, 13, 14))]
)
@pytest.mark.parametrize("side", [1, -1])
def test_far_cheek_lies_on_the_silhouette(
    head: Head, points: int, cheek: Sequence[int], side: int
) -> None:
    face = drawn(head, 1, points, (0, side * 0.7, 0))
    covered = (face.material >= 0).astype(np.uint8)
    edge = cv2.erode(covered, np.ones((3, 3), np.uint8)) != covered
    for point in cheek:
        number = point if side > 0 else SCHEMES[points].mirror[point]
        assert off(face.places[number], edge) < HALF, number


# Medians of photographs that JD labelled (docs/synthetic.md): heights and sides, along the face, of
# NNI points from the middle between the outer eye corners, in units of their distance, y down.
JD_HEIGHTS = {1: -0.11, 17: -0.09, 9: 0.02, 25: 0.02, 10: 0.13, 26: 0.13, 75: 0.0, 81: 0.0}
JD_SIDES = {43: -0.64, 101: 0.64}


def test_106_points_lie_where_jd_marks_them(head: Head) -> None:
    """Medians over 200 faces from the front, all expressions and identities."""
    params = PARAMS.model_copy(update={"yaw_max": 10.0, "pitch_max": 10.0})
    places = []
    for number in range(200):
        draws = Draws(params.seed, number, number)
        subject = draw_subject(head, params, draws)
        marked = aim(head, params, draws, subject, SIZE, 0)[1]
        left, right = marked[list(SCHEMES[106].eyes)]
        across = (right - left) / np.sum((right - left) ** 2)
        down = np.array([-across[1], across[0]])
        places.append((marked - (left + right) / 2) @ np.stack([across, down], axis=1))
    median = np.median(places, axis=0)
    for number, height in JD_HEIGHTS.items():
        assert abs(median[number, 1] - height) < 0.03, number
    for number, side in JD_SIDES.items():
        assert abs(median[number, 0] - side) < 0.03, number


def test_68_points_are_those_of_300w_as_fitted(head: Head) -> None:
    """The labels that the published figures of docs/synthetic.md were measured with."""
    params = PARAMS.model_copy(update={"points": 68})
    for number, wanted in enumerate(np.load(Path(__file__).with_name("labels68.npy"))):
        draws = Draws(params.seed, number, number)
        subject = draw_subject(head, params, draws)
        assert aim(head, params, draws, subject, SIZE, 0)[1] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("points", LABELS)
def test_contour_is_evenly_spaced(head: Head, points: int) -> None:
    face = drawn(head, 2, points, (0.1, 0.5, 0.2))
    line = face.places[list(CONTOUR if points == 106 else range(17))]
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    for half in np.split(steps, 2):
        assert np.ptp(half) < 0.12 * half.mean()
