"""Streams of frames: their number, times and end; videos written."""

import os
import resource
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

from fbnet import errors
from fbnet.errors import CannotWrite
from fbnet.predict import streams
from fbnet.predict.sources import sources
from tests.rendered import face, frames_of, moving
from tests.waiting import until

__all__ = ["face", "moving"]

pytestmark = pytest.mark.usefixtures("stop_signals")


class Uneven:
    """A video of frames at uneven times, whose count is an estimate from its length."""

    def __init__(self, last_s):
        self.times = iter([0.0, 0.1, 0.2, last_s])

    def read(self):
        self.now = next(self.times, None)
        return self.now is not None, np.zeros((2, 2, 3), np.uint8)

    def get(self, what):
        values = {cv2.CAP_PROP_FRAME_COUNT: 50, cv2.CAP_PROP_FPS: 10}
        return (self.now or 0) * 1000 if what == cv2.CAP_PROP_POS_MSEC else values[what]


@pytest.mark.parametrize(("last_s", "said"), [(4.9, ""), (2.4, "x: ends after 4 of the 50")])
def test_a_count_that_is_an_estimate_counts_by_the_time(capsys, last_s, said):
    assert len(list(streams._capture(Uneven(last_s), "x"))) == 4
    output = capsys.readouterr().out
    assert output.startswith(said) and bool(output) == bool(said)


def test_frames_have_the_times_that_their_file_states():
    class Capture:
        def get(self, _):
            return (40.0, 80.0, 240.0, 400.0, 400.0, 100.0)[self.at]

    capture = Capture()

    def frames():
        for capture.at in range(6):
            yield np.zeros((2, 2, 3), np.uint8)

    times = [round(time, 3) for time, _ in streams._timed(frames(), 10, capture)]
    assert times == [0, 0.04, 0.2, 0.36, 0.46, 0.56]
    assert [time for time, _ in streams._timed(frames(), 10)] == [n / 10 for n in range(6)]


def test_a_video_with_a_colon_in_its_name(moving, tmp_path, monkeypatch):
    path, _ = moving
    monkeypatch.chdir(tmp_path)
    os.symlink(path, "2024-01-01T12:30:00.avi")
    files = sources([Path("2024-01-01T12:30:00.avi")], tmp_path / "out")
    streams.require_readable(files[0])


def test_half_a_video_is_not_left(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (20, 120, 160, 3), np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        refused = pytest.raises(CannotWrite, match=r"a\.mp4: cannot be written whole")
        with refused, streams.VideoOut(tmp_path / "a.mp4", 25) as video:
            for frame in noise:
                video.write(frame)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not [*tmp_path.iterdir()]


def test_frames_of_another_size_are_made_to_fit(tmp_path):
    with streams.VideoOut(tmp_path / "a.mp4", 25) as video:
        for side in (64, 96, 64):
            video.write(np.full((side, 80, 3), side, np.uint8))
    assert [frame.shape for frame in frames_of(tmp_path / "a.mp4")] == [(64, 80, 3)] * 3


def test_ctrl_c_ends_a_camera_and_not_the_command():
    errors.stop_on_signals()
    frames = (np.zeros((2, 2, 3), np.uint8) for _ in range(9))
    with streams._until_interrupted(frames) as live:
        next(live)
        os.kill(os.getpid(), signal.SIGINT)
        assert list(live) == []
        assert signal.set_wakeup_fd(-1) == -1  # nobody counts the seconds from it on
    assert not errors.stop_requested()
    os.kill(os.getpid(), signal.SIGINT)
    assert errors.stop_requested() and until(lambda: errors._grace)
