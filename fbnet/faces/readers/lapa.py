"""LaPa and JD-landmark: one text file a picture, 106 points in LaPa's order.

LaPa: {train,val,test}/{images,landmarks}/NAME.{jpg,txt}. JD: .../{picture,landmark}/NAME.jpg and
NAME.jpg.txt. A file holds "106" and then 106 lines "x y" in pixels.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.readers.base import (
    DEPTH,
    PICTURE_SUFFIXES,
    Problems,
    Reader,
    lines_of,
    photograph_of,
    point_lines,
    relative,
    split_of,
)
from fbnet.faces.readers.photographs import photographs
from fbnet.faces.readers.records import Record
from fbnet.faces.readers.walk import Files, folders
from fbnet.landmarks import LAPA_TO_NNI, convert

LABELS = ("landmark", "landmarks")
PICTURES = ("picture", "pictures", "image", "images")
POINTS = 106


def detect(root: Path) -> str | None:
    """The pairs of folders with labels and pictures in `root`, where there are any."""
    pairs = _pairs(root)
    places = [f"{relative(labels, root)} beside {pictures.name}" for labels, pictures in pairs]
    return ", ".join(places) or None


def list_records(root: Path, problems: Problems) -> Iterator[Record]:
    """All records, points in NNI order. For bad files raises BadInput as `problems` says."""
    for labels, pictures in _pairs(root):
        folder, beside = relative(labels, root), relative(pictures, root)
        for name in problems.files.ending(".txt"):
            if PurePosixPath(name).parent.as_posix() != folder:
                continue
            with problems.tolerate():
                image = _picture(problems.files, name, beside)
                yield Record(
                    image=root / image,
                    name=image,
                    origin=f"{name}:1",
                    points=convert(_points(root, root / name), LAPA_TO_NNI),
                    group=f"{beside}/{photograph_of(PurePosixPath(image).stem, numbers=2)}",
                    split=split_of(root / image, root),
                )


def _pairs(root: Path) -> Iterator[tuple[Path, Path]]:
    """(folder of labels, folder of pictures) for every such pair of neighbours."""
    by_parent: dict[Path, list[Path]] = {}
    for folder in folders(root, DEPTH):
        by_parent.setdefault(folder.parent, []).append(folder)
    for beside in by_parent.values():
        pictures = [folder for name in PICTURES for folder in beside if folder.name.lower() == name]
        labels = [folder for folder in beside if folder.name.lower() in LABELS]
        for folder in labels:
            if pictures and any(path.suffix.lower() == ".txt" for path in folder.iterdir()):
                yield folder, pictures[0]


def _picture(files: Files, name: str, pictures: str) -> str:
    """The picture of the label file `name`, with its suffix named in the label or not."""
    stem = PurePosixPath(name).name[: -len(".txt")]
    for spelt in (stem, *(stem + suffix for suffix in PICTURE_SUFFIXES)):
        if spelt.lower().endswith(PICTURE_SUFFIXES) and (path := files.find(f"{pictures}/{spelt}")):
            return path
    raise BadInput(f"{name}:1: no picture {stem} in {pictures}; add it or remove the label file")


def _points(root: Path, path: Path) -> np.ndarray:
    """Points float64 [106, 2] in LaPa's order, pixels."""
    (head, count), *rows = lines_of(path, root)
    if count.strip() != str(POINTS):
        raise BadInput(f"{head}: starts with {count.strip()[:20]!r}; the first line must be 106")
    if len(rows) != POINTS:
        raise BadInput(
            f"{head}: {len(rows)} lines of points follow where 106 are due; complete the file or "
            "remove it with its picture"
        )
    return point_lines(rows)


READER = Reader(
    looks_for="landmarks/*.txt beside images or pictures",
    detect=detect,
    read=photographs(list_records),
)
