"""Which pictures and streams of frames are looked at, and the name of what is written for each."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePosixPath

from fbnet.errors import BadInput
from fbnet.faces.crop import PICTURE_SUFFIXES
from fbnet.faces.readers.walk import Files
from fbnet.files import is_plain, printable
from fbnet.progress import say

VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")
KNOWN = (*PICTURE_SUFFIXES, *VIDEO_SUFFIXES)
"""Endings of the names of what is looked at, in lower case."""
WRITTEN = (".png", ".mp4", ".pts")
"""Endings of what is written for a source, after its name."""
STREAM = Path("-")
"""Stands for the standard input."""


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
