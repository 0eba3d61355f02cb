"""Pictures and videos on disk, read and written with OpenCV."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.crop import load_picture
from fbnet.files import write_bytes

PICTURES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
VIDEOS = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})
FPS = 25.0
"""Frames per second of videos that do not state it."""


@dataclass(frozen=True)
class Source:
    """A picture or video, and the name of what is written for it, without a suffix."""

    path: Path
    name: str

    @property
    def is_video(self) -> bool:
        """Whether its suffix is that of a video."""
        return self.path.suffix.lower() in VIDEOS


def sources(paths: Sequence[Path], out: Path) -> list[Source]:
    """The files, and those in folders at any depth, sorted; names are distinct.

    Files inside `out` are results and left out of folders. Raises BadInput for what is not there
    or neither picture nor video, and for a folder with none.
    """
    files = [(path, name) for given in paths for path, name in _files(given, out)]
    stems = [name.with_suffix("").as_posix() for _, name in files]
    return [
        Source(path, stem if stems.count(stem) == 1 else f"{i}-{stem}")
        for i, ((path, _), stem) in enumerate(zip(files, stems, strict=True))
    ]


def _files(given: Path, out: Path) -> list[tuple[Path, Path]]:
    """The pictures and videos of a file or folder, each with its path relative to the folder."""
    known = PICTURES | VIDEOS
    if given.is_dir():
        inside = [
            path
            for path in sorted(given.rglob("*"))
            if path.suffix.lower() in known and path.is_file() and not path.is_relative_to(out)
        ]
        if not inside:
            raise BadInput(f"{given}: no picture or video in this folder")
        return [(path, path.relative_to(given)) for path in inside]
    if not given.exists():
        raise BadInput(f"{given}: no such file or folder")
    if given.suffix.lower() not in known:
        raise BadInput(f"{given}: neither picture nor video; known: {', '.join(sorted(known))}")
    return [(given, Path(given.name))]


def require_readable(source: Source) -> None:
    """Raise BadInput that names a file which is no picture or video by its content."""
    if source.is_video:
        with open_video(source.path):
            return
    if not cv2.haveImageReader(str(source.path)):
        raise BadInput(f"{source.path}: broken, or no picture; replace it or leave it out")


def read_picture(path: Path) -> np.ndarray:
    """A picture, uint8 [H, W, 3] BGR. Raises BadInput that names the file when it is broken."""
    try:
        return load_picture(path)
    except BadInput:
        raise BadInput(f"{path}: broken, or no picture; replace it or leave it out") from None


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a PNG in one step."""
    _, data = cv2.imencode(".png", picture)
    write_bytes(path, data.tobytes())


@contextmanager
def open_video(path: Path) -> Iterator[tuple[float, Iterator[np.ndarray]]]:
    """Frames per second, and the frames uint8 [H, W, 3] BGR one after the other.

    Raises BadInput that names the file when it cannot be read.
    """
    video = cv2.VideoCapture(str(path))
    try:
        readable, first = video.read()
        if not readable:
            raise BadInput(f"{path}: OpenCV reads no frame of it; convert it to MP4")
        yield video.get(cv2.CAP_PROP_FPS) or FPS, _frames(video, first)
    finally:
        video.release()


def _frames(video: cv2.VideoCapture, frame: np.ndarray) -> Iterator[np.ndarray]:
    """`frame`, which was read already, and the rest of the video."""
    readable = True
    while readable:
        yield frame
        readable, frame = video.read()


class VideoOut:
    """Writes frames of one size to an MP4, which appears under its name when the block ends well.

    The codec is MPEG-4 part 2, which OpenCV's wheels can write on every platform.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps = path, fps
        self._temporary = path.with_name(f".{os.getpid()}-{path.name}")
        self._writer: cv2.VideoWriter | None = None

    def __enter__(self) -> "VideoOut":
        """Create the folder that the video lies in."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def write(self, frame: np.ndarray) -> None:
        """Add a frame uint8 [H, W, 3] BGR."""
        if self._writer is None:
            size = (frame.shape[1], frame.shape[0])
            codec = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._temporary), codec, self._fps, size)
        self._writer.write(frame)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Finish the file, or remove it after an error."""
        if self._writer is not None:
            self._writer.release()
        if kind is None:
            os.replace(self._temporary, self._path)
        else:
            self._temporary.unlink(missing_ok=True)
