"""Which landmarks of rendered faces can be seen, and how far eyes and mouth are open."""

import numpy as np
import pytest

from fbnet.faces import synthetic
from fbnet.faces.synthetic.drawing import Draws, Layer
from fbnet.faces.synthetic.head import Head
from fbnet.faces.synthetic.scene import aim, build_scene
from fbnet.faces.synthetic.sight import openness, visible
from fbnet.faces.synthetic.subject import draw_subject
from fbnet.landmarks import SCHEMES
from fbnet.params import SyntheticParams

BARE = SyntheticParams(
    seed=5, glasses=0, masks=0, hats=0, hands=0, objects=0, fringe=0, yaw_even=0
)  # fmt: skip
MASKED = BARE.model_copy(update={"masks": 1.0})
SUNNY = BARE.model_copy(update={"glasses": 1.0, "sunglasses": 1.0})
REGIONS = SCHEMES[106].regions
PUPILS = [38, 92]


def seen(head: Head, params: SyntheticParams, index: int, layers: list[Layer]) -> np.ndarray:
    """Visible landmarks bool [106] of a face, with layers laid over it."""
    draws = Draws(params.seed, index, index)
    subject = draw_subject(head, params, draws)
    view, _, labels = aim(head, params, draws, subject, 112, 24)
    scene = build_scene(head, draws, subject, view)
    return visible(labels, view, scene.mesh, scene.fragments, layers)


def test_nearly_all_of_a_bare_face_that_looks_ahead_can_be_seen(head: Head) -> None:
    params = BARE.model_copy(update={"yaw_max": 10.0, "pitch_max": 5.0})
    inner = [point for name in ("eyes", "nose", "mouth") for point in REGIONS[name]]
    shares = [seen(head, params, index, [])[inner].mean() for index in range(6)]
    assert min(shares) > 0.9


def test_the_far_side_of_a_turned_face_is_hidden_by_the_face_itself(head: Head) -> None:
    params = BARE.model_copy(update={"yaw_even": 1.0, "yaw_max": 60.0})
    for index in range(20):
        face = synthetic.render(head, params, index, 64, 12)
        if abs(np.degrees(face.pose[1])) > 45:
            left, right = (face.visible[list(eye)].mean() for eye in (range(33, 43), range(87, 97)))
            far, near = (left, right) if face.pose[1] > 0 else (right, left)
            assert near == 1.0 and far < near
            return
    raise AssertionError("no turned face among the first twenty")


@pytest.mark.parametrize(
    ("params", "hidden", "shown"),
    [(MASKED, list(REGIONS["mouth"]), [35, 93]), (SUNNY, PUPILS, list(REGIONS["mouth"]))],
    ids=["mask", "sunglasses"],
)
def test_what_is_worn_hides_what_lies_below(head: Head, params, hidden, shown) -> None:
    turned = params.model_copy(update={"yaw_max": 15.0, "pitch_max": 10.0})
    faces = [synthetic.render(head, turned, index, 64, 12).visible for index in range(6)]
    assert np.mean([face[hidden] for face in faces]) < 0.1
    assert np.mean([face[shown] for face in faces]) > 0.9


def test_a_layer_hides_where_it_is_more_than_half_opaque(head: Head) -> None:
    share = np.zeros((160, 160), np.float32)
    assert seen(head, BARE, 0, [Layer(np.zeros(3), share + 0.4)]).any()
    assert not seen(head, BARE, 0, [Layer(np.zeros(3), share + 0.6)]).any()


def test_openness_is_of_the_geometry_whatever_the_pose(head: Head) -> None:
    eyes: dict[bool, list[float]] = {True: [], False: []}
    for index in range(40):
        subject = draw_subject(head, BARE, Draws(BARE.seed, index, index))
        left, right, mouth = openness(subject.points)
        eyes[subject.expression.eyes_shut] += [left, right]
        assert left == pytest.approx(right, abs=0.1)
        jaw = subject.expression.weights.get("faceunits/jawOpen", 0)
        assert (mouth > 0.3) <= (jaw > 0.1)
    assert max(eyes[True]) < 0.2 and np.median(eyes[False]) > 0.3
