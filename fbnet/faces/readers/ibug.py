"""300W and its kin: a .pts file for each face, coordinates from 1, the picture beside it.

Folders trainset and testset give the split. The 300W benchmark adds that afw is for training, that
ibug is its challenging and helen and lfpw its common test faces (together the full set), and that
01_Indoor and 02_Outdoor are its private test faces: subsets with figures of their own.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.readers.base import (
    PICTURE_SUFFIXES,
    Problems,
    Reader,
    lines_of,
    photograph_of,
    point_lines,
    split_of,
)
from fbnet.faces.readers.photographs import TOLD, photographs
from fbnet.faces.readers.records import Record, Records
from fbnet.faces.readers.walk import walk
from fbnet.progress import say

SUBSETS = {
    "common": ("helen", "lfpw"),
    "challenging": ("ibug",),
    "private": ("01_indoor", "02_outdoor"),
}
"""Folders, in lower case, of the benchmark's subsets; of the common one only what is for test."""
FULL = ("common", "challenging")


def detect(root: Path) -> str | None:
    """The first .pts file in `root`, where there is one."""
    names = (name for name, reason in walk(root) if not reason)
    first = next((name for name in names if name.lower().endswith(".pts")), None)
    return f"{first} and its picture" if first else None


def list_records(root: Path, problems: Problems) -> Records:
    """All records. For bad files raises BadInput as `problems` says."""
    records = Records(root, _records(root, problems))
    _add_benchmark(records)
    return records


def _records(root: Path, problems: Problems) -> Iterator[Record]:
    """The records with the split that their folder says."""
    files, pictures = problems.files, _Pictures(problems)
    for name in files.ending(".pts"):
        with problems.tolerate():
            image = pictures.of(name)
            folder = PurePosixPath(name).parent.as_posix()
            yield Record(
                image=root / image,
                name=image,
                origin=f"{name}:1",
                points=read_pts(root, root / name),
                group=f"{folder}/{photograph_of(PurePosixPath(image).stem)}",
                split=split_of(root / name, root),
            )


class _Pictures:
    """The picture of each .pts file: beside it, or in a folder of pictures without labels.

    There it must be the only one of its name, or of those in folders that end like the label's:
    img/a/0.jpg is that of pts/a/0.pts.
    """

    def __init__(self, problems: Problems) -> None:
        self._files = problems.files
        self._by_stem: Mapping[str, Sequence[str]] | None = None
        self._labels = Counter[str]()

    def of(self, name: str) -> str:
        """The picture of the .pts file `name`, X.pts or X.jpg.pts, its case aside."""
        stem = name[: -len(".pts")]
        if stem.lower().endswith(PICTURE_SUFFIXES) and (image := self._files.find(stem)):
            return image
        for suffix in PICTURE_SUFFIXES:
            if image := self._files.find(stem + suffix):
                return image
        if self._by_stem is None:
            self._by_stem = self._apart()
            self._labels.update(map(_key, self._files.ending(".pts")))
        elsewhere = self._by_stem.get(_key(name), ())
        apart = len(elsewhere) > 1 or self._labels[_key(name)] > 1
        own = _alike(name, elsewhere) if apart else elsewhere
        if len(own) == 1:
            return own[0]
        where = f"{len(elsewhere)} of its name elsewhere" if elsewhere else "none of its name"
        raise BadInput(
            f"{name}:1: no picture {PurePosixPath(stem).name} beside it, and {where} "
            f"({', '.join(PICTURE_SUFFIXES)}); add it or remove the .pts file"
        )

    def _apart(self) -> Mapping[str, Sequence[str]]:
        """Pictures in folders without .pts files, by name without suffix, in lower case."""
        labelled = {PurePosixPath(name).parent for name in self._files.ending(".pts")}
        stems = defaultdict(list)
        for name in self._files.ending(*PICTURE_SUFFIXES):
            if (path := PurePosixPath(name)).parent not in labelled:
                stems[path.stem.lower()].append(name)
        return stems


def _key(label: str) -> str:
    """The name of a .pts file's picture without suffix, in lower case."""
    return PurePosixPath(label).name[: -len(".pts")].lower()


def _alike(label: str, pictures: Sequence[str]) -> list[str]:
    """Those of the pictures whose folders end like the label's, in as many names as any does."""
    own = PurePosixPath(label).parent.parts[::-1]

    def shared(picture: str) -> int:
        pairs = zip(own, PurePosixPath(picture).parent.parts[::-1], strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0].lower() == pair[1].lower(), pairs))

    most = max(map(shared, pictures), default=0)
    return [picture for picture in pictures if shared(picture) == most > 0]


def _add_benchmark(records: Records) -> None:
    """Give the records the split and subset that the 300W benchmark has, if folders show it."""
    subsets = list(map(_subset, records.origins, records.splits))
    known = [
        split or ("test" if subset else None)
        for split, subset in zip(records.splits, subsets, strict=True)
    ]
    if not any(known) or all(split == "test" for split in known):
        say("no folder says what is for test: photographs are drawn (fetch.test_share)")
        records.splits = [None] * len(records)
        return
    present = [name for name in SUBSETS if name in subsets]
    flags = {}
    for subset in set(subsets):
        flags[subset] = {name: subset == name for name in present}
        if set(FULL) <= set(present):
            flags[subset]["full"] = subset in FULL
    records.splits = [
        split or ("train" if "afw" in _folders(origin) else None)
        for split, origin in zip(known, records.origins, strict=True)
    ]
    records.flags = [flags[subset] for subset in subsets]
    _tell(records, subsets)


def _subset(origin: str, split: str | None) -> str:
    """The benchmark's subset that a face belongs to; "" for none."""
    for name, places in SUBSETS.items():
        if _folders(origin).intersection(places) and (name != "common" or split == "test"):
            return name
    return ""


def _folders(origin: str) -> set[str]:
    return {folder.lower() for folder in PurePosixPath(origin).parent.parts}


def _tell(records: Records, subsets: Sequence[str]) -> None:
    """Say which split each folder has."""
    counts: Counter[tuple[str, str]] = Counter()
    for origin, split, subset in zip(records.origins, records.splits, subsets, strict=True):
        folder = PurePosixPath(origin).parent.as_posix()
        counts[folder, f"{split or 'train'}{f' ({subset})' if subset else ''}"] += 1
    if len(counts) <= TOLD:
        say("; ".join(f"{folder}: {count} {split}" for (folder, split), count in counts.items()))


def read_pts(root: Path, path: Path) -> np.ndarray:
    """Points float64 [P, 2], pixel centres being whole numbers from 0."""
    lines = list(lines_of(path, root))
    start = next((number for number, (_, line) in enumerate(lines) if line.strip() == "{"), None)
    if start is None:
        raise BadInput(f"{lines[0][0]}: no line with {{ before the points; write a .pts file")
    brace, rows = lines[start][0], lines[start + 1 :]
    pairs = (line.partition(":") for _, line in lines[:start])
    header = {key.strip(): value.strip() for key, _, value in pairs}
    if not rows or rows[-1][1].strip() != "}":
        raise BadInput(f"{brace}: the points do not end with a line }}; complete the file")
    rows = rows[:-1]
    if header.get("n_points") != str(len(rows)):
        raise BadInput(
            f"{brace}: n_points is {header.get('n_points')} where {len(rows)} points stand between "
            "the braces; complete the file or remove it with its picture"
        )
    return point_lines(rows) - 1.0


READER = Reader(looks_for="*.pts", detect=detect, read=photographs(list_records))
