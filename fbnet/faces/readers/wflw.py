"""WFLW: list_98pt_rect_attr_{train,test}.txt and the folder WFLW_images, wherever they lie.

A line: 196 coordinates in pixels, 4 of the rectangle, 6 attributes, the picture's path. Where the
test list is missing, list_98pt_test.txt takes its place, which has no rectangle and no attributes.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.readers.base import (
    ATTRIBUTES,
    DEPTH,
    Problems,
    Reader,
    lines_of,
    numbers,
    places,
    relative,
)
from fbnet.faces.readers.photographs import photographs
from fbnet.faces.readers.records import Record
from fbnet.faces.readers.walk import folders

LISTS = {
    "train": ("list_98pt_rect_attr_train.txt",),
    "test": ("list_98pt_rect_attr_test.txt", "list_98pt_test.txt"),
}
"""Files that list a split, the best first."""
PICTURES = "WFLW_images"
POINTS = 98
PLAIN = 2 * POINTS
WHOLE = PLAIN + 4 + len(ATTRIBUTES)
"""Numbers on a line, with and without rectangle and attributes."""


def detect(root: Path) -> str | None:
    """The lists in `root`, where there are any."""
    lists = [relative(path, root) for split in LISTS if (path := _list(root, split))]
    return " and ".join(lists) or None


def _list(root: Path, split: str) -> Path | None:
    """The list of a split: the best that is there."""
    places = list(folders(root, DEPTH))
    paths = (folder / name for name in LISTS[split] for folder in places)
    return next((path for path in paths if path.is_file()), None)


def list_records(root: Path, problems: Problems) -> Iterator[Record]:
    """All records. Raises BadInput for a missing list; for bad lines as `problems` says."""
    seen: dict[str, str] = {}
    places = list(folders(root, DEPTH))
    pictures = [relative(folder, root) for folder in places if folder.name == PICTURES]
    for split in LISTS:
        path = _list(root, split) or root / LISTS[split][0]
        for origin, line in lines_of(path, root):
            with problems.tolerate():
                record = _record(problems, tuple(pictures), split, origin, line.split())
                if record.name in seen:
                    raise BadInput(
                        f"{origin}: the same face as in {seen[record.name]}; remove one line"
                    )
                seen[record.name] = origin
                yield record


def _record(
    problems: Problems, pictures: tuple[str, ...], split: str, origin: str, tokens: list[str]
) -> Record:
    """The face of one line, split into `tokens`; its picture lies in one of `pictures`."""
    if len(tokens) - 1 not in (PLAIN, WHOLE):
        raise BadInput(
            f"{origin}: {len(tokens)} words where 196 coordinates, 4 of the rectangle, "
            f"6 attributes and the picture's path make {WHOLE + 1}; fix the line or remove it"
        )
    points = places(tokens[:PLAIN], origin)
    further = numbers(tokens[PLAIN:-1], origin, PLAIN + 1)
    image = problems.files.find_tail(tokens[-1], (*pictures, ""))
    if image is None:
        raise BadInput(
            f"{origin}: no picture {tokens[-1]} in {' or '.join(pictures) or PICTURES}; add it or "
            "remove the line"
        )
    box = further[:4] if len(further) else None
    left, top = np.nanmin(points, axis=0) if box is None else box[:2]
    return Record(
        image=problems.root / image,
        name=f"{image}#{left:g},{top:g}",  # a picture may show several faces
        origin=origin,
        points=points,
        group=image,
        split=split,
        flags=dict(zip(ATTRIBUTES, (further[-len(ATTRIBUTES) :] > 0).tolist(), strict=True))
        if box is not None
        else {},
        box=box,
    )


READER = Reader(
    looks_for=" and ".join(names[0] for names in LISTS.values()),
    detect=detect,
    read=photographs(list_records),
)
