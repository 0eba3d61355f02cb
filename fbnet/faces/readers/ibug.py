"""300W and its kin: a .pts file beside each picture, 68 points, coordinates from 1.

Folders trainset and testset give the split; beside them afw is for training and ibug for test,
as the 300W benchmark has it.
"""

import dataclasses
from pathlib import Path

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.readers.records import (
    PICTURE_SUFFIXES,
    Problems,
    Record,
    lines_of,
    pair,
    photograph,
    relative,
    split_of,
)

POINTS = 68
TEST_FOLDERS = ("ibug",)
"""Folders without trainset and testset that the benchmark keeps for test."""


def found(root: Path) -> str | None:
    """What marks this layout in `root`."""
    first = min(root.rglob("*.pts"), default=None)
    return f"{relative(first, root)} beside its picture" if first else None


def read(root: Path, problems: Problems) -> list[Record]:
    """All records. For bad files raises BadInput as `problems` says."""
    records = []
    for path in sorted(root.rglob("*.pts")):
        with problems.tolerate():
            records.append(_record(root, path))
    return _complete(records)


def _record(root: Path, path: Path) -> Record:
    image = _picture(root, path)
    folder = relative(path.parent, root)
    return Record(
        image=image,
        name=relative(image, root),
        origin=f"{relative(path, root)}:1",
        points=_points(root, path),
        group=f"{folder}/{photograph(path.stem)}",
        split=split_of(image, root),
    )


def _complete(records: list[Record]) -> list[Record]:
    """Where some folders name a split, the others have one too."""
    if not any(record.split for record in records):
        return records
    return [
        record if record.split else dataclasses.replace(record, split=_usual(record))
        for record in records
    ]


def _usual(record: Record) -> str:
    folders = Path(record.name).parent.parts
    return "test" if any(name.lower() in TEST_FOLDERS for name in folders) else "train"


def _picture(root: Path, path: Path) -> Path:
    for suffix in PICTURE_SUFFIXES:
        for spelled in (suffix, suffix.upper()):
            if (image := path.with_suffix(spelled)).is_file():
                return image
    raise BadInput(
        f"{relative(path, root)}:1: no picture {path.stem} beside it "
        f"({', '.join(PICTURE_SUFFIXES)}); add it or remove the .pts file"
    )


def _points(root: Path, path: Path) -> np.ndarray:
    """Points float64 [68, 2], pixel centres being whole numbers from 0."""
    lines = lines_of(path, root)
    head: dict[str, str] = {}
    for position, (origin, line) in enumerate(lines):
        if line.strip() == "{":
            return _body(head, lines[position + 1 :], origin)
        key, _, value = line.partition(":")
        head[key.strip()] = value.strip()
    raise BadInput(f"{lines[0][0]}: no line with {{ before the points; write a .pts file")


def _body(head: dict[str, str], rows: list[tuple[str, str]], brace: str) -> np.ndarray:
    if head.get("n_points") != str(POINTS):
        raise BadInput(f"{brace}: n_points is {head.get('n_points')}; 300W files have 68")
    if not rows or rows[-1][1].strip() != "}":
        raise BadInput(f"{brace}: the points do not end with a line }}; complete the file")
    rows = rows[:-1]
    if len(rows) != POINTS:
        raise BadInput(
            f"{brace}: {len(rows)} points between the braces where n_points says 68; complete the "
            "file or remove it with its picture"
        )
    return np.stack([pair(line.split(), origin) for origin, line in rows]) - 1.0
