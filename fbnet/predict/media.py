"""Pictures and streams of frames, read and written with OpenCV: files, cameras, standard input."""

import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import cv2
import numpy as np

from fbnet.errors import BadInput, CannotWrite, stops_at_once
from fbnet.faces.crop import PICTURE_SUFFIXES, eight_bits
from fbnet.faces.readers.walk import Files
from fbnet.files import is_plain, printable, read_bytes, short, write_bytes
from fbnet.predict.headers import cut_short, picture_size
from fbnet.progress import say

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg prints its own words otherwise

VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")
KNOWN = (*PICTURE_SUFFIXES, *VIDEO_SUFFIXES)
"""Endings of the names of what is looked at, in lower case."""
WRITTEN = (".png", ".mp4", ".pts")
"""Endings of what is written for a source, after its name."""
LARGEST = 2**30
"""Bytes of the largest file of a picture."""
FPS = 25.0
"""Frames per second of streams that do not state it."""
MOST_PIXELS = 150_000_000
"""Pixels of the largest picture that is decoded: 450 MB."""
ENOUGH = 0.9
"""Share of the frames that a video states below which it was cut off; some only estimate them."""
STREAM = Path("-")
"""Stands for the standard input."""
Frame = tuple[float, np.ndarray]
"""Time in seconds, and the picture uint8 [H, W, 3] BGR."""
_silence = threading.Lock()
"""Held while what decoders say goes nowhere."""


@dataclass(frozen=True)
class Source:
    """A picture or a stream of frames, and the name of what is written for it, without a suffix.

    path: a file; a folder whose pictures are the frames of a video; None for the standard input
    and for a camera, which `camera` numbers.
    """

    path: Path | None
    name: str
    camera: int | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return str(self.path)
        return "standard input" if self.camera is None else f"camera {self.camera}"

    @property
    def is_picture(self) -> bool:
        """Whether it is one picture and no stream of frames."""
        path = self.path
        return path is not None and path.suffix.lower() in PICTURE_SUFFIXES and not path.is_dir()


def sources(
    paths: Sequence[Path], out: Path, frames: bool = False, camera: int | None = None
) -> list[Source]:
    """The files, those in folders at any depth, sorted, the standard input and the camera.

    Names are distinct, also where letters of both cases are the same: a number stands before those
    that several have. Files inside `out` are results and left out of folders; what cannot be read
    there is left out with a line. frames: a folder is one video, whose frames are its pictures in
    the order of the numbers in their names. Raises BadInput for what is not there or neither
    picture nor video, for a folder with none, and for names that are not plain text.
    """
    given = [path for path in paths if path != STREAM]
    files = [(path, name) for each in given for path, name in _files(each, out, frames)]
    found = [Source(path, name.with_suffix("").as_posix()) for path, name in files]
    if STREAM in paths:
        found.append(Source(None, "stdin"))
    if camera is not None:
        found.append(Source(None, f"camera{camera}", camera))
    owners = Counter(source.name.casefold() for source in found)
    taken = set(owners)
    folders = {str(folder) for name in owners for folder in PurePosixPath(name).parents}
    for index, source in enumerate(found):
        written = {f"{source.name}{suffix}".casefold() for suffix in WRITTEN}
        if owners[source.name.casefold()] > 1 or written & folders:
            name = free_name((f"{number}-{source.name}" for number in count(index)), taken)
            found[index] = replace(source, name=name)
    return found


def free_name(names: Iterable[str], taken: set[str]) -> str:
    """The first of the names that is not taken, which it is then; `taken` holds them casefolded."""
    name = next(name for name in names if name.casefold() not in taken)
    taken.add(name.casefold())
    return name


def _files(given: Path, out: Path, frames: bool) -> list[tuple[Path, Path]]:
    """The pictures and videos of a file or folder, each with its path relative to the folder."""
    if not is_plain(str(given)):
        raise BadInput(
            f"{printable(given)}: the name is not UTF-8, or holds a control character; rename it"
        )
    if given.is_dir() and frames:
        return [(given, Path(given.resolve().name))]
    if given.is_dir():
        below = Files(given)
        for name, reason in below.left_aside.items():
            if name.lower().endswith(KNOWN) and not Path(name).name.startswith("."):
                say(f"{given / name}: left out, {reason}")
        names = below.ending(*KNOWN)
        results = out.resolve()
        inside = [name for name in names if not (given / name).resolve().is_relative_to(results)]
        if names and not inside:
            raise BadInput(
                f"{given}: lies inside of --out, {out}, whose files are results; give another --out"
            )
        if not inside:
            raise BadInput(f"{given}: no picture or video in this folder")
        return [(given / name, Path(name)) for name in inside]
    if not given.exists():
        raise BadInput(f"{given}: no such file or folder")
    if not given.name.lower().endswith(KNOWN):
        raise BadInput(f"{given}: neither picture nor video; known: {', '.join(KNOWN)}")
    return [(given, Path(given.name))]


def require_readable(source: Source) -> None:
    """Raise BadInput that names a file which is no picture or video by its content."""
    if source.path is None:
        return
    if source.is_picture:
        _size_of(source.path)
    else:
        with open_stream(source):
            pass


def read_picture(path: Path) -> np.ndarray:
    """A picture, uint8 [H, W, 3] BGR. Raises BadInput that names the file when it is broken.

    Its size is taken from the header before anything is decoded; see `MOST_PIXELS`.
    """
    return decode_picture(read_bytes(path, LARGEST), str(path))


def decode_picture(data: bytes, what: str) -> np.ndarray:
    """The picture uint8 [H, W, 3] BGR in the bytes of a file; messages name it by `what`.

    More than 8 bits are scaled as `fetch` does. A JPEG with damaged bytes is decoded as far as that
    goes: what libjpeg says of it does not tell it from a sound one with bytes to spare. Raises as
    `read_picture` does.
    """
    _stated_size(data, what)
    try:
        with _decoders_silent():
            depth = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), depth)
    except cv2.error:
        picture = None
    if picture is None or cut_short(data) or not np.isfinite(picture.max()):
        raise BadInput(f"{what}: broken, or no picture; replace it or leave it out")
    return eight_bits(np.asarray(picture))


@contextmanager
def _decoders_silent() -> Iterator[None]:
    """A block in which file descriptor 2 leads nowhere: libpng, libjpeg and OpenCV write to it.

    Of one thread at a time, since all threads share it.
    """
    with _silence:
        try:
            kept = os.dup(2)
        except OSError:  # there is no standard error
            yield
            return
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _stated_size(data: bytes, what: str) -> tuple[int, int]:
    """Width and height of a picture as the header of its file states them.

    Raises BadInput that names what is no picture, or one that is too large.
    """
    size = picture_size(data)
    if size is None or min(size) < 1:
        raise BadInput(f"{what}: broken, or no picture; replace it or leave it out")
    if size[0] * size[1] > MOST_PIXELS:
        raise BadInput(
            f"{what}: {size[0]} x {size[1]} pixels; at most {MOST_PIXELS // 10**6} million are "
            "taken: make it smaller"
        )
    return size


def _size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture's file; raises as `_stated_size` does."""
    return _stated_size(read_bytes(path, LARGEST), str(path))


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a PNG in one step."""
    _, data = cv2.imencode(".png", picture)
    write_bytes(path, data.tobytes())


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
