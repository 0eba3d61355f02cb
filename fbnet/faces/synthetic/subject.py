"""The person in one picture, before the camera: identity, expression and dress put together."""

from dataclasses import dataclass

import numpy as np

from fbnet.faces.synthetic.drawing import Draws
from fbnet.faces.synthetic.expression import Expression, Eyeball, draw_expression, find_eyes
from fbnet.faces.synthetic.hair import BrowShape, HairStyle, draw_brows, draw_hair
from fbnet.faces.synthetic.head import Head
from fbnet.faces.synthetic.identity import Person, draw_person
from fbnet.faces.synthetic.landmarks import surface_points
from fbnet.faces.synthetic.wear import Wear, draw_wear
from fbnet.params import SyntheticParams


@dataclass(frozen=True, eq=False)
class Subject:
    """Who is in the picture, and how; vertices [V,3] and landmarks [106,3] in the model frame."""

    person: Person
    brows: BrowShape
    expression: Expression
    hair: HairStyle
    wear: Wear
    eyes: list[Eyeball]
    vertices: np.ndarray
    points: np.ndarray


def draw_subject(head: Head, params: SyntheticParams, draws: Draws) -> Subject:
    """Draw person, expression and dress, and shape the head."""
    person = draw_person(head, draws, params)
    expression = draw_expression(draws, params)
    vertices = head.morph({**person.weights, **expression.weights})
    brows = draw_brows(draws, person.male)
    hair = draw_hair(head, draws, params, person.male)
    eyes = find_eyes(head, vertices, expression)
    points = surface_points(head, vertices, brows, eyes)
    wear = draw_wear(draws, params)
    return Subject(person, brows, expression, hair, wear, eyes, vertices, points)
