"""300W and its kin: a .pts file beside each picture, 68 points, coordinates from 1.

Folders trainset and testset give the split; beside them afw is for training and ibug for test,
as the 300W benchmark has it.
"""

import dataclasses
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

POINTS = 68
TEST_FOLDERS = ("ibug",)
"""Folders without trainset and testset that the benchmark keeps for test."""


def detect(root: Path) -> str | None:
    """The first .pts file in `root`, where there is one."""
    first = min(root.rglob("*.pts"), default=None)
    return f"{relative(first, root)} beside its picture" if first else None


def list_records(root: Path, problems: Problems) -> list[Record]:
    """All records. For bad files raises BadInput as `problems` says."""
    records = []
    for path in sorted(root.rglob("*.pts")):
        with problems.tolerate():
            image = _picture(root, path)
            record = Record(
                image=image,
                name=relative(image, root),
                origin=f"{relative(path, root)}:1",
                points=_points(root, path),
                group=f"{relative(path.parent, root)}/{photograph_of(path.stem)}",
                split=split_of(image, root),
            )
            records.append(record)
    # Where some folders name a split, the others take the benchmark's.
    if any(record.split for record in records):
        return [
            dataclasses.replace(record, split=record.split or _benchmark_split(record))
            for record in records
        ]
    return records


def _benchmark_split(record: Record) -> str:
    """The split that the 300W benchmark gives to a folder without trainset or testset."""
    folders = Path(record.name).parent.parts
    return "test" if any(name.lower() in TEST_FOLDERS for name in folders) else "train"


def _picture(root: Path, path: Path) -> Path:
    """The picture beside the .pts file `path`, its suffix in lower or upper case."""
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
    start = next((number for number, (_, line) in enumerate(lines) if line.strip() == "{"), None)
    if start is None:
        raise BadInput(f"{lines[0][0]}: no line with {{ before the points; write a .pts file")
    brace, rows = lines[start][0], lines[start + 1 :]
    pairs = (line.partition(":") for _, line in lines[:start])
    header = {key.strip(): value.strip() for key, _, value in pairs}
    if header.get("n_points") != str(POINTS):
        raise BadInput(f"{brace}: n_points is {header.get('n_points')}; 300W files have 68")
    if not rows or rows[-1][1].strip() != "}":
        raise BadInput(f"{brace}: the points do not end with a line }}; complete the file")
    rows = rows[:-1]
    if len(rows) != POINTS:
        raise BadInput(
            f"{brace}: {len(rows)} points between the braces where n_points says 68; complete the "
            "file or remove it with its picture"
        )
    return np.stack([pair(line.split(), origin) for origin, line in rows]) - 1.0


READER = Reader(looks_for="*.pts", detect=detect, read=photographs(list_records))
