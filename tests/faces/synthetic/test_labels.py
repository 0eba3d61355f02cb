"""Labels of both point orders against routes of their own: the picture, and the mirror."""

import dataclasses

import numpy as np
import pytest

from fbnet.faces.synthetic.brows import draw_brows
from fbnet.faces.synthetic.camera import Camera, make_camera
from fbnet.faces.synthetic.conventions import LABELS
from fbnet.faces.synthetic.draws import Draws
from fbnet.faces.synthetic.expression import Expression, draw_expression
from fbnet.faces.synthetic.eyes import find_eyes
from fbnet.faces.synthetic.head import LEFT_EYE, RIGHT_EYE, Head
from fbnet.faces.synthetic.identity import draw_person
from fbnet.faces.synthetic.landmarks import project_landmarks, surface_points
from fbnet.landmarks import SCHEMES
from fbnet.params.synthetic import SyntheticParams

PARAMS = SyntheticParams(seed=3)
PIXEL = 1.7 / 112
"""About a pixel of a default crop, decimetres."""
LENS = 8.0


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
    person, drawn = draw_person(MIRRORED[0], draws, PARAMS), draw_expression(draws, PARAMS)
    expression = Expression(drawn.weights, side * drawn.gaze_yaw, drawn.gaze_pitch)
    vertices = head.morph({**person.weights, **expression.weights})
    eyes = find_eyes(head, vertices, expression)
    brows = draw_brows(draws, person.male)
    placed = surface_points(head, vertices, brows, eyes)
    return LABELS[points](project_landmarks(head, vertices, placed, camera(number, side)))


def camera(number: int, side: int = 1) -> Camera:
    pitch, yaw, roll = np.random.default_rng([number, 5]).uniform(-0.9, 0.9, 3) * (0.4, 1, 0.4)
    return make_camera(np.array([pitch, side * yaw, side * roll]), 6.9, LENS)


MIRRORED: list[Head] = []
"""The head whose names of targets persons are drawn from, filled by the fixture."""


@pytest.fixture(scope="module")
def mirror_head(head: Head) -> Head:
    MIRRORED[:] = [head]
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
