"""People over the frames of a video, and the filter that steadies what is told of them."""

import numpy as np
import pytest

from fbnet import Face, Landmarker
from fbnet.outputs import OUTPUTS
from fbnet.predict.track import LOOK_S, SHOWN_S, OneEuro, Smoother, Tracker
from tests.rendered import CLOSE, HEIGHT, WIDTH, face, nme, on_canvas

__all__ = ["face"]
FPS = 25
SIDE = 100.0
SHAPE = SIDE * np.array([(-0.5, -0.5), (0.5, -0.5), (0.0, 0.0), (-0.4, 0.5), (0.4, 0.5)])
"""Landmarks of every made-up face, around its middle, which is one of them."""
PULLED = 0.8
"""Share of the way to a made-up face that a prediction beside it goes."""
PASSING = [(5, -5), (-5, 5), (0, 6), (4, 0)]
"""Pixels a frame of who is in front and of who is behind."""


class Counted(Landmarker):
    """Counts how often it looks for faces."""

    looks = 0

    def detect(self, picture):
        self.looks += 1
        return super().detect(picture)


class Scripted(Landmarker):
    """Sees made-up faces: a script has their middles for the number in a frame's first pixel."""

    crop_scale = 1.2

    def __init__(self, script, **outputs):
        """script: [frames][faces] (x, y) in pixels. outputs: those of heads, by frame."""
        self.script, self.outputs = script, outputs

    def detect(self, picture):
        faces = np.array(self.script[picture[0, 0, 0]]).reshape(-1, 2)
        squares = np.concatenate([faces - SIDE / 2 + 0.5, np.full_like(faces, SIDE)], axis=1)
        return squares, np.full(len(faces), 0.9)

    def predict(self, picture, places):
        faces, found = np.array(self.script[picture[0, 0, 0]]).reshape(-1, 2), []
        given = {name: values[picture[0, 0, 0]] for name, values in self.outputs.items()}
        for place in places:
            middle = (place.points.min(axis=0) + place.points.max(axis=0)) / 2
            away = np.linalg.norm(faces - middle, axis=1)
            near = faces[away.argmin()] if away.min(initial=np.inf) < SIDE else middle
            landmarks = SHAPE + middle + PULLED * (near - middle)
            found.append(Face(landmarks, (0.0, 0.0, SIDE), **given))
        return found


def followed(script, smoothing=None, **outputs):
    """What the tracker shows of each frame of a script."""
    frames = np.zeros((len(script), HEIGHT, 700, 3), np.uint8)
    frames[:, 0, 0, 0] = np.arange(len(script))
    tracker = Tracker(Scripted(script, **outputs), smoothing)
    return [tracker(frame, index / FPS) for index, frame in enumerate(frames)]


def passing(front, behind, first=True):
    """A script of two who pass each other at so many pixels a frame, and one beside them.

    Who is behind is not seen within 0.6 sides of the face in front. first: the one in front is
    detected first.
    """
    draws, script = np.random.default_rng(0), []
    for index in range(80):
        one, other = (300 + speed * (index - 40) for speed in (front, behind))
        seen = [(one, 100), (other, 100)] if abs(one - other) > 0.6 * SIDE else [(one, 100)]
        seen = [*(seen if first else seen[::-1]), (640, 90)]
        script.append((np.array(seen) + draws.normal(0, 0.5, (len(seen), 2))).round(3).tolist())
    return script


def number_at(faces, middle):
    """The number of the face that is shown within a fifth of its side of `middle`, or None."""
    near = [f.number for f in faces if np.abs(f.landmarks[2] - middle).max() < SIDE / 5]
    assert len(near) <= 1
    return near[0] if near else None


def two(face, left, right):
    """A frame with two faces, one above the other, each moved right; their landmarks."""
    one, other = on_canvas(face, (left, 30)), on_canvas(face, (right, 40))
    frame = np.concatenate([one[0], other[0]])
    return frame, [one[1], other[1] + (0, HEIGHT)]


def test_people_keep_their_numbers_and_detection_is_rare(face):
    landmarker = Counted()
    tracker = Tracker(landmarker)
    for index in range(26):
        frame, true = two(face, 20 + 3 * index, 120 - 4 * index)
        faces = tracker(frame, index / FPS)
        by_number = {f.number: f for f in faces}
        assert sorted(by_number) == [1, 2]
        if index == 0:
            upper = min(by_number, key=lambda n: by_number[n].landmarks[:, 1].mean())
        assert nme(by_number[upper].landmarks, true[0]) < CLOSE
        assert nme(by_number[3 - upper].landmarks, true[1]) < CLOSE
    assert landmarker.looks <= 3  # at 0, 0.5 and 1 s


def test_one_who_comes_gets_a_new_number_and_one_who_left_is_forgotten(face):
    empty = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    present = on_canvas(face, (70, 30))[0]
    tracker = Tracker(Landmarker())
    frames = [present] * 5 + [empty] * 50 + [present] * 5
    numbers = [[f.number for f in tracker(frame, i / FPS)] for i, frame in enumerate(frames)]
    assert numbers[0] == [1] and numbers[54] == [] and numbers[-1] == [2]


def test_a_hand_of_half_a_second_does_not_lose_the_number(face):
    picture, true = on_canvas(face, (70, 30))
    tracker = Tracker(Landmarker())
    faces = []
    for index in range(60):
        frame = picture.copy()
        if 20 <= index < 33:
            frame[40:180, 90 : 90 + 12 * (index - 19)] = (90, 120, 180)
        faces = tracker(frame, index / FPS)
    assert [f.number for f in faces] == [1]
    assert nme(faces[0].landmarks, true) < CLOSE


@pytest.mark.parametrize("begin", range(12, 26))
def test_a_hand_of_half_a_second_hides_no_face_whenever_it_comes(begin):
    script = [[] if begin <= index < begin + 13 else [(200, 100)] for index in range(60)]
    assert [[f.number for f in faces] for faces in followed(script)] == [[1]] * 60


@pytest.mark.parametrize("begin", [20, 23])
def test_a_rendered_hand_of_half_a_second_hides_no_face(face, begin):
    picture, true = on_canvas(face, (70, 30))
    tracker = Tracker(Landmarker())
    for index in range(50):
        frame = picture.copy()
        if begin <= index < begin + 13:
            frame[40:180, 90 : 90 + min(12 * (index - begin + 1), 120)] = (90, 120, 180)
        faces = tracker(frame, index / FPS)
        assert [f.number for f in faces] == [1]
    assert nme(faces[0].landmarks, true) < CLOSE


@pytest.mark.parametrize("end", range(12, 26))
def test_one_who_left_is_not_shown_for_long(end):
    script = [[(200, 100)]] * end + [[]] * 50
    shown = [len(faces) for faces in followed(script)]
    last = max(index for index, count in enumerate(shown) if count)
    assert (last - end) / FPS <= LOOK_S + SHOWN_S


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(("front", "behind"), PASSING)
def test_people_who_pass_each_other_keep_their_numbers(front, behind, first):
    script = passing(front, behind, first)
    shown = followed(script, OneEuro())
    ahead, hidden = (1, 2) if first else (2, 1)
    for index, faces in enumerate(shown):
        assert number_at(faces, (300 + front * (index - 40), 100)) == ahead
        assert number_at(faces, (640, 90)) == 3
    assert number_at(shown[0], (300 - 40 * behind, 100)) == hidden
    assert number_at(shown[-1], (300 + 39 * behind, 100)) == hidden
    assert len(shown[40]) == 2


@pytest.mark.parametrize("mirrored", [False, True])
def test_rendered_people_who_pass_each_other_keep_their_numbers(face, mirrored):
    image, points = face
    size, landmarker = image.shape[0], Landmarker()
    tracker, shown = Tracker(landmarker), []
    for index in range(70):
        left, right = 10 + 5 * index, 360 - 5 * index
        frame = np.full((HEIGHT, 530, 3), 90, np.uint8)
        frame[40 : 40 + size, right : right + size] = image
        frame[30 : 30 + size, left : left + size] = image
        faces = tracker(frame[:, ::-1].copy() if mirrored else frame, index / FPS)
        middle = points[:, 0].mean()
        at = {
            f.number: 529 - f.landmarks[:, 0].mean() if mirrored else f.landmarks[:, 0].mean()
            for f in faces
        }
        shown.append(
            [
                next((n for n, x in at.items() if abs(x - middle - edge) < 25), None)
                for edge in (left, right)
            ]
        )
    assert sorted(shown[0]) == [1, 2] and shown[-1] == shown[0]
    assert {one for one, _ in shown} == {shown[0][0]}


def test_a_point_at_rest_is_steadied_and_one_that_moves_lags_less_than_a_frame():
    draws = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(10.0), np.arange(10.0)), -1).reshape(-1, 2) * 10
    still, smoother = [], Smoother(OneEuro())
    for index in range(100):
        still.append(smoother(grid + draws.normal(0, 0.3, grid.shape), index / FPS))
    jitter = np.std(np.diff(still[20:], axis=0))
    assert jitter < 0.3 * np.sqrt(2) * 0.35  # a third of the raw frame-to-frame jitter
    for speed in (0.3, 1.0, 3.0):  # face sides a second
        smoother, step = Smoother(OneEuro()), speed * 90 / FPS
        for index in range(30):
            shown = smoother(grid + index * step, index / FPS)
        lag = (grid + 29 * step - shown).mean() / step
        assert 0 <= lag < 1


@pytest.mark.parametrize("name", [name for name in OUTPUTS if name != "landmarks"])
def test_outputs_of_heads_are_steadied_too(name):
    count, unit = OUTPUTS[name].shape(len(SHAPE))[0], OUTPUTS[name].unit
    draws, frames = np.random.default_rng(0), 80
    values = np.full((frames, count), 0.4 * unit) + draws.normal(0, 0.01 * unit, (frames, count))
    values[50:] += 0.4 * unit  # within a frame, as a blink or a hand
    script, outputs = [[(200, 100)]] * frames, {name: values.astype(np.float32)}
    raw, steady = (
        np.array([getattr(faces[0], name) for faces in followed(script, smoothing, **outputs)])
        for smoothing in (None, OneEuro())
    )
    assert (raw == outputs[name]).all() and steady.dtype == np.float32
    jitters = [np.std(np.diff(shown[20:50], axis=0)) for shown in (raw, steady)]
    assert jitters[1] < jitters[0] / 3
    assert np.abs(steady[51] - 0.8 * unit).max() < 0.1 * unit


def test_time_that_stands_still_or_goes_back_starts_the_filter_anew():
    smoother, points = Smoother(OneEuro()), np.eye(2) * 30
    assert (smoother(points, 1.0) == points).all()
    assert (smoother(points + 5, 1.0) == points + 5).all()
    assert (smoother(points, 0.5) == points).all()


@pytest.mark.parametrize("raw", [True, False])
def test_landmarker_tracks_frames(face, raw):
    frames = [on_canvas(face, (40 + 4 * i, 30)) for i in range(8)]
    tracked = Landmarker().track((picture for picture, _ in frames), fps=FPS, raw=raw)
    for (found,), (_, true) in zip(tracked, frames, strict=True):
        assert found.number == 1 and nme(found.landmarks, true) < CLOSE
