"""What a reader is and yields, how it reports faults, and how label files are parsed."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fbnet.errors import BadInput
from fbnet.params import FetchParams

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
SPLIT_FOLDERS = {
    "train": "train",
    "trainset": "train",
    "train_data": "train",
    "training_data": "train",
    "val": "validation",
    "validation": "validation",
    "valid": "validation",
    "test": "test",
    "testset": "test",
    "test_data": "test",
}
"""Folder names, in lower case, that say which split a picture belongs to."""


@dataclass(frozen=True)
class Sample:
    """One face as it is stored; fields as in `FaceSet`, for one face.

    split: train, validation or test where the data set says so. listed_pose: the pose where a
    label file gives one. All samples of a data set have the same flags.
    """

    image: np.ndarray
    landmarks: np.ndarray
    pose: np.ndarray
    name: str
    group: str
    split: str | None
    listed_pose: np.ndarray | None = None
    flags: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """The faces of one data set.

    samples: `count` of them, None for one that is left out. margin: pixels around each crop.
    """

    count: int
    margin: int
    samples: Iterable[Sample | None]


class Problems:
    """Bad records: the first one ends the work, or all are left out and listed in `messages`.

    Messages start with "file:line" relative to the data set's folder, `root`.
    """

    def __init__(self, root: Path, on_bad: str):
        self.root = root
        self.fail = on_bad == "fail"
        self.messages: list[str] = []

    @contextmanager
    def tolerate(self) -> Iterator[None]:
        """Around the work on one record: raises its BadInput, or keeps the message."""
        try:
            yield
        except BadInput as error:
            if self.fail:
                hint = "(or set fetch.on_bad: skip)"
                raise BadInput(f"{self.root}/{error} {hint}") from None
            self.messages.append(str(error))


@dataclass(frozen=True)
class Reader:
    """One layout of data sets.

    looks_for: the files that mark it, in words, for messages.
    detect: the marker that a folder holds, in words, or None.
    read: the faces of a folder. For labelled photographs it is `photographs(list_records)`, see
    `fbnet.faces.readers.photographs`.
    """

    looks_for: str
    detect: Callable[[Path], str | None]
    read: Callable[[Path, FetchParams, Problems], Source]


def lines_of(path: Path, root: Path) -> list[tuple[str, str]]:
    """(origin, line) of every line that is not empty. Raises BadInput where there is none."""
    place = relative(path, root)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; the layout needs it") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: not a text file; save it as UTF-8") from None
    filled = [(f"{place}:{number}", line) for number, line in enumerate(lines, 1) if line.strip()]
    if not filled:
        raise BadInput(f"{path}:1: lists nothing; fill it or set another fetch.root")
    return filled


def numbers(tokens: Sequence[str], origin: str) -> np.ndarray:
    """Tokens as float64. Raises BadInput that shows the one that is not a finite number."""
    values = np.full(len(tokens), np.nan)
    for place, token in enumerate(tokens):
        with suppress(ValueError):
            values[place] = float(token)
    if not np.isfinite(values).all():
        place = int(np.argmin(np.isfinite(values)))
        raise BadInput(
            f"{origin}: number {place + 1} is {tokens[place]!r}; write a finite number or remove "
            "the face"
        )
    return values


def pair(tokens: Sequence[str], origin: str) -> np.ndarray:
    """Numbers x and y, float64 [2]. Raises BadInput for more, fewer or other words."""
    if len(tokens) != 2:
        raise BadInput(
            f"{origin}: {len(tokens)} numbers where x and y are due; fix the line or remove the "
            "face"
        )
    return numbers(tokens, origin)


def relative(path: Path, root: Path) -> str:
    """The path within the data set, with forward slashes."""
    return path.relative_to(root).as_posix()


def within(root: Path, *parts: str) -> Path | None:
    """root/parts where it stays inside `root` as written, links not followed; else None."""
    path = Path(os.path.normpath(root.joinpath(*parts)))
    return path if path.is_relative_to(Path(os.path.normpath(root))) else None


def split_of(path: Path, root: Path) -> str | None:
    """The split that a folder on the way from `root` to `path` names, the last of them counting."""
    folders = path.relative_to(root).parent.parts
    known = [SPLIT_FOLDERS[name.lower()] for name in folders if name.lower() in SPLIT_FOLDERS]
    return known[-1] if known else None


def photograph_of(stem: str, numbers: int = 1) -> str:
    """The photograph that a file's stem names: without up to `numbers` short last _NUMBERs.

    Those count faces of one photograph, or copies of one face. Longer numbers are names.
    """
    stem = stem.removesuffix("_mirror")
    return re.sub(rf"(?<=.)(_\d{{1,2}}){{1,{numbers}}}$", "", stem)
