"""LaPa and JD-landmark: one text file a picture, 106 points in LaPa's order.

LaPa: {train,val,test}/{images,landmarks}/NAME.{jpg,txt}. JD: .../{picture,landmark}/NAME.jpg and
NAME.jpg.txt. A file holds "106" and then 106 lines "x y" in pixels.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.readers.base import (
    PICTURE_SUFFIXES,
    Problems,
    Reader,
    lines_of,
    pair,
    photograph_of,
    relative,
    split_of,
)
from fbnet.faces.readers.photographs import Record, photographs
from fbnet.landmarks import LAPA_TO_NNI, convert

LABELS = ("landmark", "landmarks")
PICTURES = ("picture", "pictures", "image", "images")
DEPTH = 3
"""Folders deep at which the pair of folders may stand."""
POINTS = 106


def detect(root: Path) -> str | None:
    """The pairs of folders with labels and pictures in `root`, where there are any."""
    pairs = _pairs(root)
    places = [f"{relative(labels, root)} beside {pictures.name}" for labels, pictures in pairs]
    return ", ".join(places) or None


def list_records(root: Path, problems: Problems) -> list[Record]:
    """All records, points in NNI order. For bad files raises BadInput as `problems` says."""
    records = []
    for labels, pictures in _pairs(root):
        for path in sorted(labels.glob("*.txt")):
            with problems.tolerate():
                image = _picture(root, path, pictures)
                record = Record(
                    image=image,
                    name=relative(image, root),
                    origin=f"{relative(path, root)}:1",
                    points=convert(_points(root, path), LAPA_TO_NNI),
                    group=f"{relative(pictures, root)}/{photograph_of(image.stem, numbers=2)}",
                    split=split_of(image, root),
                )
                records.append(record)
    return records


def _pairs(root: Path) -> Iterator[tuple[Path, Path]]:
    """(folder of labels, folder of pictures) for every such pair of neighbours."""
    depths = ["*/" * depth for depth in range(DEPTH)]
    folders = chain.from_iterable(root.glob(f"{depth}landmark*/") for depth in depths)
    for labels in sorted(folders):
        beside = [labels.parent / name for name in PICTURES if (labels.parent / name).is_dir()]
        if labels.name in LABELS and beside and any(labels.glob("*.txt")):
            yield labels, beside[0]


def _picture(root: Path, path: Path, pictures: Path) -> Path:
    """The picture of the label file `path`, with its suffix named in the label or not."""
    stem = path.name.removesuffix(".txt")
    for name in (stem, *(stem + suffix for suffix in PICTURE_SUFFIXES)):
        if name.lower().endswith(PICTURE_SUFFIXES) and (pictures / name).is_file():
            return pictures / name
    raise BadInput(
        f"{relative(path, root)}:1: no picture {stem} in {relative(pictures, root)}; add it or "
        "remove the label file"
    )


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
    return np.stack([pair(line.split(), origin) for origin, line in rows])


READER = Reader(
    looks_for="landmarks/*.txt beside images or pictures",
    detect=detect,
    read=photographs(list_records),
)
