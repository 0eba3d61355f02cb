"""People over the frames of a video, and the filter that steadies their landmarks."""

import numpy as np
import pytest

from fbnet import Landmarker
from fbnet.predict.track import OneEuro, Smoother, Tracker
from tests.predict.test_run import CLOSE, HEIGHT, WIDTH, face, nme, on_canvas

__all__ = ["face"]
FPS = 25


class Counted(Landmarker):
    """Counts how often it looks for faces."""

    looks = 0

    def detect(self, picture):
        self.looks += 1
        return super().detect(picture)


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
