"""Rendered faces: purity, labels, flags."""

import numpy as np
import pytest
from pydantic import ValidationError

from fbnet.faces import synthetic
from fbnet.faces.synthetic.drawing import Draws
from fbnet.faces.synthetic.head import LASHES, Head
from fbnet.faces.synthetic.landmarks import (
    EYE_CENTRES,
    LEFT_BROW,
    LIDS,
    NOSE_SIDES,
    PUPILS,
    RIGHT_BROW,
    space_evenly,
)
from fbnet.faces.synthetic.mesh import join
from fbnet.faces.synthetic.raster import rasterise
from fbnet.faces.synthetic.scene import aim
from fbnet.faces.synthetic.subject import draw_subject
from fbnet.landmarks import NNI_TO_IBUG68
from fbnet.params import SyntheticParams

SIZE, MARGIN = 112, 24
PARAMS = SyntheticParams(seed=5)
PLAIN = SyntheticParams(seed=5, glasses=0, masks=0, hats=0, hands=0, objects=0)


def _bytes(face: synthetic.Face) -> bytes:
    return face.image.tobytes() + face.landmarks.tobytes() + face.pose.tobytes()


def test_pure_in_any_order_and_any_process(head: Head) -> None:
    indices = range(18)
    alone = [_bytes(synthetic.render(head, PARAMS, i, 64, 12)) for i in reversed(indices)][::-1]
    pooled = synthetic.render_many(head, PARAMS, indices, 64, 12, workers=2)
    assert [_bytes(face) for face in pooled] == alone
    assert len(set(alone)) == len(alone)


def test_seed_changes_the_face(head: Head) -> None:
    other = synthetic.render(head, SyntheticParams(seed=6), 0)
    assert _bytes(other) != _bytes(synthetic.render(head, PARAMS, 0))


def test_shapes_and_types(head: Head) -> None:
    face = synthetic.render(head, PARAMS, 3, size=64, margin=10)
    assert face.image.shape == (84, 84, 3)
    assert face.image.dtype == np.uint8
    assert (face.landmarks.shape, face.landmarks.dtype) == ((106, 2), np.float32)
    assert (face.pose.shape, face.pose.dtype) == ((3,), np.float32)
    assert set(face.flags) >= {"glasses", "hat", "mask", "bald", "hand", "object"}


def test_labels_lie_inside_and_the_crop_is_the_box(head: Head) -> None:
    for index in range(60):
        draws = Draws(PARAMS.seed, index, index)
        subject = draw_subject(head, PARAMS, draws)
        view, landmarks, _ = aim(head, PARAMS, draws, subject, SIZE, MARGIN)
        assert landmarks.min() > 0
        assert landmarks.max() < 1
        box = float(np.ptp(landmarks, axis=0).max())
        assert 1.2 * box == pytest.approx(1, abs=1.2 * PARAMS.crop_jitter)
        assert np.abs(np.rad2deg(view.camera.angles)).max() <= PARAMS.yaw_max + 1e-3


def test_pupils_lie_between_the_lids(head: Head) -> None:
    for index in range(40):
        points = draw_subject(head, PARAMS, Draws(PARAMS.seed, index, index)).points
        for pupil, upper, lower in ((38, 40, 33), (92, 94, 87)):
            low, high = sorted(points[[upper, lower], 1])
            assert low - 1e-6 <= points[pupil, 1] <= high + 1e-6


def test_labels_do_not_depend_on_size(head: Head) -> None:
    small = synthetic.render(head, PARAMS, 7, size=48, margin=8)
    large = synthetic.render(head, PARAMS, 7, size=96, margin=16)
    assert small.landmarks == pytest.approx(large.landmarks, abs=1e-6)


def _shared(points: int) -> dict[int, int]:
    """Number of a label -> NNI number, for labels that are one point of the surface."""
    derived = {*range(33), *EYE_CENTRES, *PUPILS, *LEFT_BROW, *RIGHT_BROW, *NOSE_SIDES} - {0}
    numbers = NNI_TO_IBUG68.tolist() if points == 68 else range(106)
    lids = {number for pair in LIDS for number in pair} if points == 68 else set()
    return {i: n for i, n in enumerate(numbers) if n not in derived and i not in lids}


@pytest.mark.parametrize("points", [68, 106])
@pytest.mark.parametrize("index", range(4))
def test_labels_hit_their_surface_points(head: Head, index: int, points: int) -> None:
    """Colour each vertex by its place on the neutral head, draw large, look the points up."""
    draws = Draws(PLAIN.seed, index, index)
    subject = draw_subject(head, PLAIN, draws)
    params = PLAIN.model_copy(update={"points": points})
    view, landmarks, _ = aim(head, params, draws, subject, 336, 16)
    mesh = join(head, subject.vertices, [], view.camera)
    solid = mesh.triangles[mesh.material < LASHES]
    seen = rasterise(view.samples(mesh.points), solid, view.side, view.side)
    colour = (head.vertices[solid[seen.triangle]] * seen.weights[..., None]).sum(1)
    wanted = (head.vertices[head.landmark_vertices] * head.landmark_weights[..., None]).sum(1)
    visible = 0
    for label, number in _shared(points).items():
        around = np.isin(solid, head.landmark_vertices[number]).any(1)
        candidates = np.flatnonzero(around[seen.triangle])
        distance = np.linalg.norm(colour[candidates] - wanted[number], axis=1)
        if distance.min(initial=1) > 0.003:
            continue  # hidden behind the nose or a lip
        near = candidates[distance.argmin()]
        row, column = divmod(int(seen.pixel[near]), view.side)
        place = (np.array([column, row]) + 0.5) / view.supersampling - view.margin
        error = np.abs(place / view.size - landmarks[label]).max() * SIZE
        assert error < 0.5, label
        visible += 1
    assert visible >= len(_shared(points)) / 2


def test_pose_of_the_labels_agrees_with_the_landmarks(head: Head) -> None:
    from fbnet.faces import pose
    from fbnet.landmarks import SCHEMES

    errors = []
    for index in range(40):
        draws = Draws(1, index, index)
        subject = draw_subject(head, PARAMS, draws)
        view, landmarks, _ = aim(head, PARAMS, draws, subject, SIZE, MARGIN)
        guess = pose.estimate(landmarks * SIZE, SCHEMES[106], SIZE)
        errors.append(np.rad2deg(guess - view.camera.angles))
    assert np.abs(np.median(errors, axis=0)).max() < 5


def test_pictures_of_one_person_share_the_face() -> None:
    params = SyntheticParams(pictures_per_person=3, train=6)
    draws = [Draws(0, index // 3, index) for index in range(4)]
    values = [d.person("build").random() for d in draws]
    assert values[0] == values[1] == values[2] != values[3]
    assert len({d.shot("camera").random() for d in draws}) == 4
    assert params.train % params.pictures_per_person == 0


@pytest.mark.parametrize(
    ("share", "flag", "some"),
    [("glasses", "glasses", True), ("masks", "mask", True), ("hats", "hat", True),
     ("hands", "hand", True), ("objects", "object", True), ("fringe", "fringe", False)],
)  # fmt: skip
def test_shares_are_obeyed(head: Head, share: str, flag: str, some: bool) -> None:
    for value in (0.0, 1.0):
        params = SyntheticParams(**{share: value})
        faces = [synthetic.render(head, params, index, 32, 4) for index in range(2)]
        shown = [bool(face.flags[flag]) for face in faces]
        assert shown == [value == 1] * 2 or (not some and value == 1)


def test_grey_share_takes_the_colour_out(head: Head) -> None:
    params = SyntheticParams(grey=1, noise=0, jpeg=0)
    image = synthetic.render(head, params, 0, 32, 4).image.astype(int)
    assert np.ptp(image, axis=2).max() <= 1


@pytest.mark.parametrize(
    "wrong",
    [{"galsses": 0.1}, {"yaw_max": 95}, {"supersampling": 0}, {"grey": 1.2},
     {"train": 10, "pictures_per_person": 4}],
)  # fmt: skip
def test_wrong_params_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SyntheticParams(**wrong)


def test_even_spacing_keeps_ends_and_length() -> None:
    line = np.array([[0.0, 0], [0.1, 0], [1, 0], [3, 0]])
    even = space_evenly(line)
    assert even == pytest.approx(np.array([[0.0, 0], [1, 0], [2, 0], [3, 0]]))
