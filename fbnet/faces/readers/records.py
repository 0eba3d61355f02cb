"""What every reader yields, and how it reports what is wrong."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fbnet.errors import BadInput

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
class Record:
    """One labelled face on disk.

    image: the picture's file. name: unique, relative to the data set. origin: where the label
    stands, "file:line" relative to the data set.
    points: float64 [P, 2] (x, y) in pixels, whole numbers being pixel centres; where `cropped`,
    as shares of the picture's side.
    group: faces of one photograph share it. split: train, validation or test where the data set
    says so. pose: pitch, yaw, roll in radians where it says so.
    """

    image: Path
    name: str
    origin: str
    points: np.ndarray
    group: str
    split: str | None = None
    pose: np.ndarray | None = None
    cropped: bool = False


class Problems:
    """Bad records: the first one ends the work, or all are left out and listed.

    Messages start with "file:line" relative to the data set's folder, `root`.
    """

    def __init__(self, root: Path, on_bad: str):
        self.root = root
        self.fail = on_bad == "fail"
        self.found: list[str] = []

    @contextmanager
    def tolerate(self) -> Iterator[None]:
        """Around the work on one record: raises its BadInput, or keeps the message."""
        try:
            yield
        except BadInput as error:
            self.add(str(error))

    def add(self, message: str) -> None:
        """Note one bad record. Raises BadInput where bad records end the work."""
        if self.fail:
            hint = "(or set fetch.on_bad: skip)"
            raise BadInput(f"{self.root}/{message} {hint}") from None
        self.found.append(message)


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
    values = np.array([_number(token) for token in tokens])
    if not np.isfinite(values).all():
        where = int(np.argmin(np.isfinite(values)))
        raise BadInput(
            f"{origin}: number {where + 1} is {tokens[where]!r}; write a finite number or remove "
            "the face"
        )
    return values


def pair(tokens: Sequence[str], origin: str) -> np.ndarray:
    """Numbers x and y, float64 [2]. Raises BadInput for more, fewer or other words."""
    if len(tokens) != 2:
        raise BadInput(
            f"{origin}: {len(tokens)} numbers where x and y are due; mend the line or remove the "
            "face"
        )
    return numbers(tokens, origin)


def _number(token: str) -> float:
    try:
        return float(token)
    except ValueError:
        return float("nan")


def relative(path: Path, root: Path) -> str:
    """The path within the data set, with forward slashes."""
    return path.relative_to(root).as_posix()


def within(root: Path, *parts: str) -> Path | None:
    """root/parts where it stays inside `root` as written, links not followed; else None."""
    path = Path(os.path.normpath(root.joinpath(*parts)))
    return path if path.is_relative_to(Path(os.path.normpath(root))) else None


def split_of(path: Path, root: Path) -> str | None:
    """The split that a folder on the way from `root` to `path` names."""
    folders = path.relative_to(root).parent.parts
    known = [SPLIT_FOLDERS[name.lower()] for name in folders if name.lower() in SPLIT_FOLDERS]
    return known[-1] if known else None


def photograph(stem: str, numbers: int = 1) -> str:
    """The photograph that a file's stem names: without up to `numbers` short last _NUMBERs.

    Those count faces of one photograph, or copies of one face. Longer numbers are names.
    """
    stem = stem.removesuffix("_mirror")
    return re.sub(rf"(?<=.)(_\d{{1,2}}){{1,{numbers}}}$", "", stem)
