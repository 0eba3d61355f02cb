"""NNI's layout: {train_data,test_data}/{imgs,list.txt}, faces cropped already.

A line: picture, 2 P numbers (x y as shares of the picture's side), then in published lists
6 attributes (98 points) and pitch, yaw, roll in degrees, or one of both. The preparation scripts
write the picture's path as it was on their machine: its tail is looked for.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.readers.base import (
    ATTRIBUTES,
    DEPTH,
    PICTURE_SUFFIXES,
    Problems,
    Reader,
    lines_of,
    numbers,
    photograph_of,
    places,
    relative,
)
from fbnet.faces.readers.photographs import photographs
from fbnet.faces.readers.records import Record
from fbnet.faces.readers.walk import folders

PARTS = {"train_data": "train", "test_data": "test"}
LIST = "list.txt"
ANGLES = 3
FURTHEST = 1.0
"""How far outside the crop a point may lie, in units of its side."""
FURTHER = {0: (0, 0), ANGLES: (0, ANGLES), len(ATTRIBUTES): (len(ATTRIBUTES), 0)}
FURTHER[len(ATTRIBUTES) + ANGLES] = (len(ATTRIBUTES), ANGLES)
"""How many numbers follow the points -> how many of them are attributes, and angles."""
NAME = re.compile(
    rf"\s*(\"[^\"]*\"|.*?\.(?:{'|'.join(s[1:] for s in PICTURE_SUFFIXES)})|\S+)\s", re.I
)
"""The picture's name at the start of a line: quoted, or up to its suffix, or without blanks."""


def detect(root: Path) -> str | None:
    """The lists in `root`, where there are any."""
    base = _base(root)
    lists = [f"{part}/{LIST}" for part in PARTS if base and (base / part / LIST).is_file()]
    return " and ".join(relative(base / name, root) for name in lists if base) or None


def _base(root: Path) -> Path | None:
    """The folder of train_data and test_data: `root` or one in it."""
    return next(
        (
            folder
            for folder in folders(root, DEPTH)
            if any((folder / part / LIST).is_file() for part in PARTS)
        ),
        None,
    )


def list_records(root: Path, problems: Problems) -> Iterator[Record]:
    """All records. Raises BadInput for a missing list; for bad lines as `problems` says."""
    seen: dict[str, str] = {}
    base = _base(root) or root
    for part in PARTS:
        starts = tuple(
            "" if folder == root else relative(folder, root)
            for folder in (base, base / part, base / part / "imgs", root)
        )
        for origin, line in lines_of(base / part / LIST, root):
            with problems.tolerate():
                record = _record(problems, starts, part, origin, line)
                if record.name in seen:
                    raise BadInput(
                        f"{origin}: names the picture of {seen[record.name]} again; remove one"
                    )
                seen[record.name] = origin
                yield record


def _record(
    problems: Problems, starts: tuple[str, ...], part: str, origin: str, line: str
) -> Record:
    """The face of one line; its picture lies below one of the folders `starts`."""
    match = NAME.match(f"{line} ")
    name = match[1].strip('"') if match else ""
    tokens = line[match.end() :].split() if match else []
    layout = next(
        (
            (P, *FURTHER[len(tokens) - 2 * P])
            for P in problems.points
            if len(tokens) - 2 * P in FURTHER
        ),
        None,
    )
    if layout is None:
        wanted = ", ".join(str(2 * P + more) for P in sorted(problems.points) for more in FURTHER)
        raise BadInput(
            f"{origin}: {len(tokens)} numbers after the picture's name; write one of {wanted} (x y "
            "of each point, then attributes, then pitch yaw roll)"
        )
    points, attributes, angles = layout
    shares = places(tokens[: 2 * points], origin)
    further = numbers(tokens[2 * points :], origin, 2 * points + 1)
    if (np.abs(shares - 0.5) > 0.5 + FURTHEST).any():
        raise BadInput(
            f"{origin}: a point lies at {shares.flat[np.nanargmax(np.abs(shares))]:g}; divide x "
            "and y by the picture's side, so that they run from 0 to 1"
        )
    image = problems.files.find_tail(name, starts)
    if image is None:
        raise BadInput(
            f"{origin}: no picture {name} in the root, in {part} or in {part}/imgs, nor one of "
            "its path's tail; add it or remove the line"
        )
    marks = further[:attributes]
    return Record(
        image=problems.root / image,
        name=image,
        origin=origin,
        points=shares,
        group=f"{part}/{photograph_of(Path(image).stem)}",
        split=PARTS[part],
        pose=np.radians(further[-ANGLES:]) if angles else None,
        flags=dict(zip(ATTRIBUTES, (marks > 0).tolist(), strict=True)) if attributes else {},
        cropped=True,
    )


READER = Reader(
    looks_for="train_data/list.txt and test_data/list.txt",
    detect=detect,
    read=photographs(list_records),
)
