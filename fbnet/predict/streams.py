"""Streams of frames with OpenCV: videos, folders of frames, cameras, standard input; MP4 out."""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from fbnet.errors import BadInput, CannotWrite, stops_at_once
from fbnet.faces.crop import PICTURE_SUFFIXES
from fbnet.faces.readers.walk import Files
from fbnet.files import short
from fbnet.predict.pictures import read_picture, size_of
from fbnet.predict.sources import Source
from fbnet.progress import say

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg prints its own words otherwise

FPS = 25.0
"""Frames per second of streams that do not state it."""
ENOUGH = 0.9
"""Share of the frames that a video states below which it was cut off; some only estimate them."""
Frame = tuple[float, np.ndarray]
"""Time in seconds, and the picture uint8 [H, W, 3] BGR."""


def require_readable(source: Source) -> None:
    """Raise BadInput that names a file which is no picture or video by its content."""
    if source.path is None:
        return
    if source.is_picture:
        size_of(source.path)
    else:
        with open_stream(source):
            pass


@contextmanager
def open_stream(
    source: Source, size: tuple[int, int] | None = None, fps: float | None = None
) -> Iterator[tuple[float, Iterator[Frame]]]:
    """Frames per second, and the frames one after the other.

    size: width and height of the raw BGR frames that the standard input holds. fps: in place of
    what the source states. A camera goes on until Ctrl-C. Raises BadInput that names a source
    without a readable frame.
    """
    if source.path is None and source.camera is None:
        if size is None:
            raise BadInput("standard input: say the frames' width and height with --size")
        rate = fps or FPS
        yield rate, _timed(_started(_raw(sys.stdin.buffer, size), "standard input"), rate)
    elif source.path is not None and source.path.is_dir():
        rate = fps or FPS
        yield rate, _timed(_folder(source.path), rate)
    else:
        with _captured(source) as capture:
            rate = fps or capture.get(cv2.CAP_PROP_FPS) or FPS
            frames = _started(_capture(capture, str(source)), str(source))
            if source.camera is None:
                yield rate, _timed(frames, rate, None if fps else capture)
            else:
                with _until_interrupted(frames) as live:
                    yield rate, live


@contextmanager
def _captured(source: Source) -> Iterator[cv2.VideoCapture]:
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    # FFmpeg takes what stands before a colon for a protocol, unless the path is absolute.
    file = os.path.abspath(source.path) if source.path else ""
    capture = cv2.VideoCapture(file if source.camera is None else source.camera)
    try:
        yield capture
    finally:
        capture.release()
        cv2.utils.logging.setLogLevel(level)


def _timed(
    frames: Iterator[np.ndarray], fps: float, capture: cv2.VideoCapture | None = None
) -> Iterator[Frame]:
    """Frames with their times: by their number, or as the file of `capture` states them.

    Phones and recorders of screens give frames at uneven times. Where those do not rise, a frame
    comes 1 / fps after the one before.
    """
    before = first = 0.0
    for index, frame in enumerate(frames):
        time = index / fps
        if capture is not None:
            stated = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            first = first if index else stated
            time = stated - first
            if index and time <= before:
                time = before + 1 / fps
        before = time
        yield time, frame


def _started(frames: Iterator[np.ndarray], what: str) -> Iterator[np.ndarray]:
    """The frames, the first of which is read at once. Raises BadInput where there is none."""
    first = next(frames, None)
    if first is None:
        raise BadInput(f"{what}: OpenCV reads no frame of it; give a video, such as MP4, or camera")

    def every() -> Iterator[np.ndarray]:
        yield first
        yield from frames

    return every()


def _capture(capture: cv2.VideoCapture, what: str) -> Iterator[np.ndarray]:
    """All frames; where a file ends far before the length that it states, a line says so."""
    frames, end_s = 0, 0.0
    readable, frame = capture.read()
    while readable:
        frames, end_s = frames + 1, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        yield frame
        readable, frame = capture.read()
    stated = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    # Where frames come at uneven times, the count is an estimate: the last one's time counts too.
    reached = max(frames, end_s * capture.get(cv2.CAP_PROP_FPS) + 1)
    if frames and reached < ENOUGH * stated:
        say(f"{what}: ends after {frames} of the {stated:.0f} frames it states; is it cut off?")


def _raw(stream: BinaryIO, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Raw frames uint8 BGR of width and height `size`; what is left of a cut last one is passed."""
    width, height = size
    while True:
        with stops_at_once():  # whoever writes the frames may be slow
            data = stream.read(width * height * 3)
        if len(data) < width * height * 3:
            return
        yield np.frombuffer(data, np.uint8).reshape(height, width, 3).copy()


def _folder(folder: Path) -> Iterator[np.ndarray]:
    """The pictures of a folder, upright, all of one size. Raises BadInput for others.

    They come in the order of the numbers in their names: frame2 before frame10.
    """
    names = [name for name in Files(folder).ending(*PICTURE_SUFFIXES) if "/" not in name]
    paths = [folder / name for name in sorted(names, key=_natural)]
    if not paths:
        raise BadInput(f"{folder}: no picture in this folder; give the frames of a video")

    def every() -> Iterator[np.ndarray]:
        first = None
        for path in paths:
            frame = read_picture(path)
            first = first or frame.shape
            if frame.shape != first:
                raise BadInput(f"{path}: not of the size of the first frame, {paths[0].name}")
            yield frame

    return every()


def _natural(name: str) -> tuple[list[str | int], str]:
    parts = re.split(r"(\d+)", name)  # text, number, text, ...
    return [int(part) if at % 2 else part for at, part in enumerate(parts)], name


@contextmanager
def _until_interrupted(frames: Iterator[np.ndarray]) -> Iterator[Iterator[Frame]]:
    """Frames with the time since the first one; Ctrl-C ends them as the end of a file does."""
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    def live() -> Iterator[Frame]:
        start = time.monotonic()
        for frame in frames:
            if stopped:
                return
            yield time.monotonic() - start, frame

    wakeup = signal.set_wakeup_fd(-1)  # `stop_on_signals` would count the seconds from Ctrl-C on
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield live()
    finally:
        signal.signal(signal.SIGINT, before)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)


class VideoOut:
    """Writes frames of one size to an MP4, which appears under its name when the block ends well.

    The codec is MPEG-4 part 2, which OpenCV's wheels can write on every platform. OpenCV says
    nothing of what it could not write, such as on a full disk: the file is looked at in the end.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps, self._frames = path, fps, 0
        self._temporary = path.with_name(f".{os.getpid()}-{short(path.stem)}{path.suffix}")
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def __enter__(self) -> "VideoOut":
        """Create the folder that the video lies in."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def write(self, frame: np.ndarray) -> None:
        """Add a frame uint8 [H, W, 3] BGR; one of another size than the first is made to fit.

        Raises BadInput where OpenCV cannot write a video.
        """
        if self._writer is None:
            width, height = self._size = (frame.shape[1], frame.shape[0])
            codec = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._temporary), codec, self._fps, self._size)
            if not self._writer.isOpened():
                raise BadInput(
                    f"{self._path.name}: OpenCV cannot write a video of {width} x {height} pixels "
                    f"at {self._fps:g} frames a second; give others (--fps), or --no-drawing"
                )
        if frame.shape[1::-1] != self._size:
            frame = cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(frame)
        self._frames += 1

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Finish the file, or remove it after an error. Raises CannotWrite for half a file."""
        if self._writer is not None:
            self._writer.release()
        try:
            if kind is None:
                self._check()
                os.replace(self._temporary, self._path)
        finally:
            self._temporary.unlink(missing_ok=True)

    def _check(self) -> None:
        with _captured(Source(self._temporary, "")) as written:
            whole = written.get(cv2.CAP_PROP_FRAME_COUNT) >= self._frames and written.read()[0]
        if not whole:
            raise CannotWrite(f"{self._path.name}: cannot be written whole; is the disk full?")
