"""What a reader is and yields, how it reports faults, and how label files are parsed."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.crop import PICTURE_SUFFIXES
from fbnet.faces.readers.walk import NOT_PLAIN, Files
from fbnet.files import each_line, number, printable
from fbnet.landmarks import SCHEMES
from fbnet.params import CROP_SCALE, FetchParams

ATTRIBUTES = ("large_pose", "expression", "illumination", "make_up", "occlusion", "blur")
"""Names of the six attributes of WFLW's lists, and of those in its form, in their order."""
DEPTH = 4
"""How many folders deep the folder of a data set may lie below `fetch.root`."""
SPLIT_FOLDERS = {
    "train": "train",
    "trainset": "train",
    "train_data": "train",
    "training": "train",
    "training_data": "train",
    "val": "validation",
    "validation": "validation",
    "valid": "validation",
    "test": "test",
    "testing": "test",
    "testset": "test",
    "test_data": "test",
}
"""Folder names, in lower case, that say which split a picture belongs to."""


@dataclass(frozen=True)
class Sample:
    """One face as it is stored; fields as in `FaceSet`, for one face.

    split: train, validation or test where the data set says so. listed_pose: the pose where a
    label file gives one. All samples of a data set have the same flags. doubt: what is suspicious
    about the label, "" for nothing. centre: of the points, as shares of the picture's width and
    height. picture: file of the photograph, relative to the data set. fingerprint: of it, see
    `crop.fingerprint`.
    """

    image: np.ndarray
    landmarks: np.ndarray
    pose: np.ndarray
    name: str
    group: str
    split: str | None
    listed_pose: np.ndarray | None = None
    flags: Mapping[str, bool] = field(default_factory=dict)
    exact: Mapping[str, np.ndarray] = field(default_factory=dict)
    doubt: str = ""
    centre: tuple[float, float] = (0.5, 0.5)
    picture: str = ""
    fingerprint: np.ndarray | None = None


@dataclass(frozen=True)
class Source:
    """The faces of one data set.

    samples: `count` of them, None for one that is left out. margin: pixels around each crop.
    crop_scale: side of a crop in units of the longer side of the landmarks' box.
    """

    count: int
    margin: int
    samples: Iterable[Sample | None]
    crop_scale: float = CROP_SCALE


class Problems:
    """A data set's files, and its bad records: the first ends the work, or all are left out.

    messages: of the bad records, each starting with "file:line" relative to the folder `root`.
    reasons: why files gave no face, by their path relative to `root`.
    points: how many points a label may have, the likeliest number first.
    """

    def __init__(self, root: Path, on_bad: str, points: Sequence[int] = tuple(SCHEMES)):
        self.root = root
        self.fail = on_bad == "fail"
        self.points = points
        self.messages: list[str] = []
        self.reasons: dict[str, str] = {}

    @cached_property
    def files(self) -> Files:
        """The files of the data set. Names that are no plain text are bad records."""
        files = Files(self.root)
        for name, reason in files.left_aside.items():
            if reason == NOT_PLAIN:
                self.bad(f"{name}: {reason}")
        return files

    @contextmanager
    def tolerate(self) -> Iterator[None]:
        """Around the work on one record: raises its BadInput, or keeps the message."""
        try:
            yield
        except BadInput as error:
            self.bad(str(error))

    def bad(self, message: str) -> None:
        """Raise BadInput with the message of a bad record, or keep it."""
        root = printable(self.root)
        # It may have been raised from here, inside of another record's work.
        message = message.removeprefix(f"{root}/").removesuffix(SKIP)
        if self.fail:
            raise BadInput(f"{root}/{message}{SKIP}") from None
        self.messages.append(message)

    def unused(self) -> dict[str, str]:
        """Why each file that no face came from was not used, by its path relative to `root`."""
        labels = {re.split(r":\d+: |: ", text, maxsplit=1)[0]: text for text in self.messages}
        stems = {PurePosixPath(name).with_suffix("").as_posix() for name in labels}
        reasons = self.files.left_aside | self.reasons
        for name in self.files.names:
            if self.files.is_used(name) or name in reasons:
                continue
            if name in labels:
                reasons[name] = f"left out: {labels[name]}"
            elif PurePosixPath(name).with_suffix("").as_posix() in stems:
                reasons[name] = "its label is left out"
            else:
                reasons[name] = NO_FACE[name.lower().endswith(PICTURE_SUFFIXES)]
        return dict(sorted(reasons.items()))


SKIP = " (or set fetch.on_bad: skip)"
"""How a message of a bad record ends that stops the work."""
NO_FACE = {True: "a picture without a label", False: "neither picture nor label of this layout"}
"""Why a file that no record names is not used: where it is a picture, and where it is none."""


@dataclass(frozen=True)
class Reader:
    """One layout of data sets.

    looks_for: the files that mark it, in words, for messages.
    detect: the marker that a folder holds, in words, or None.
    read: the faces of a folder. For labelled photographs it is `photographs(list_records)`, see
    `fbnet.faces.readers.photographs`.
    fallback: whether other layouts' markers count more: a labelling tool's file may lie anywhere.
    """

    looks_for: str
    detect: Callable[[Path], str | None]
    read: Callable[[Path, FetchParams, Problems], Source]
    fallback: bool = False


def lines_of(path: Path, root: Path) -> Iterator[tuple[str, str]]:
    """(origin, line) of every line that is not empty. Raises BadInput where there is none."""
    place, filled = relative(path, root), False
    for at, line in enumerate(each_line(path, LARGEST_LIST), 1):
        if line.strip():
            filled = True
            yield f"{place}:{at}", line
    if not filled:
        raise BadInput(f"{printable(path)}:1: lists nothing; fill it or set another fetch.root")


LARGEST_LIST = 4 * 2**30
"""Bytes that a list of faces may have: a million of them with 106 points take 2 GiB."""


def numbers(tokens: Sequence[str], origin: str, first: int = 1) -> np.ndarray:
    """Tokens as float64, perhaps with decimal commas. Raises BadInput that shows a wrong one.

    first: the place of the first token in its line, for the message.
    """
    try:
        values = np.array(tokens, np.float64)
    except ValueError:
        values = np.full(1, np.nan)
    if np.isfinite(values).all():
        return values
    return np.array(
        [number(token, f"{origin}: number {place}") for place, token in enumerate(tokens, first)]
    )


def places(tokens: Sequence[str], origin: str) -> np.ndarray:
    """Numbers x y x y ... as points float64 [P, 2]; `nan nan` is one that nobody saw.

    Raises BadInput as `numbers` does.
    """
    words = np.array(tokens).reshape(-1, 2)
    unseen = (np.char.lower(words) == "nan").all(axis=1)
    points = numbers(np.where(unseen[:, None], "0", words).ravel().tolist(), origin).reshape(-1, 2)
    points[unseen] = np.nan
    return points


def pair(tokens: Sequence[str], origin: str) -> np.ndarray:
    """Numbers x and y, float64 [2], as `places`. Raises BadInput for more, fewer or other words."""
    if len(tokens) != 2:
        raise BadInput(
            f"{origin}: {len(tokens)} numbers where x and y are due; fix the line or remove the "
            "face"
        )
    return places(tokens, origin)[0]


def point_lines(rows: Sequence[tuple[str, str]]) -> np.ndarray:
    """Points float64 [P, 2] of (origin, line) with x and y each. Raises BadInput as `pair` does."""
    words = [line.split() for _, line in rows]
    if all(len(tokens) == 2 for tokens in words):
        try:
            points = np.array(words, np.float64)
        except ValueError:
            points = np.full((1, 2), np.nan)
        if np.isfinite(points).all():
            return points
    return np.stack([pair(tokens, origin) for (origin, _), tokens in zip(rows, words, strict=True)])


def relative(path: Path, root: Path) -> str:
    """The path within the data set, with forward slashes."""
    return path.relative_to(root).as_posix()


def split_of(path: Path, root: Path) -> str | None:
    """The split that a folder on the way from `root` to `path` names, the last of them counting."""
    folders = path.relative_to(root).parent.parts
    known = [SPLIT_FOLDERS[name.lower()] for name in folders if name.lower() in SPLIT_FOLDERS]
    return known[-1] if known else None


def photograph_of(stem: str, numbers: int = 1) -> str:
    """The photograph that a file's stem names: without up to `numbers` short last _NUMBERs.

    Those count faces of one photograph, or copies of one face. Longer numbers are names. Where so
    many pictures differ in the number only that they are no faces of one photograph, see
    `fbnet.faces.split.by_name`.
    """
    stem = stem.removesuffix("_mirror")
    return re.sub(rf"(?<=.)(_\d{{1,2}}){{1,{numbers}}}$", "", stem)
