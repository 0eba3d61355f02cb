"""NNI's layout: {train_data,test_data}/{imgs,list.txt}, faces cropped already.

A line: picture, 2 P numbers (x y as shares of the picture's side), then in published lists
6 attributes (98 points) and pitch, yaw, roll in degrees.
"""

from pathlib import Path

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.readers.base import (
    Problems,
    Reader,
    lines_of,
    numbers,
    photograph_of,
    relative,
    within,
)
from fbnet.faces.readers.photographs import Record, photographs
from fbnet.landmarks import SCHEMES

PARTS = {"train_data": "train", "test_data": "test"}
ANGLES = 3
ATTRIBUTES = 6
FURTHEST = 1.0
"""How far outside the crop a point may lie, in units of its side."""

COUNTS = {
    2 * points + extra: (points, extra > 0)
    for points in SCHEMES
    for extra in (0, ANGLES, ATTRIBUTES + ANGLES)
}
"""Numbers on a line -> (number of points, whether angles end the line)."""


def detect(root: Path) -> str | None:
    """The lists in `root`, where there are any."""
    lists = [name for part in PARTS if (root / (name := f"{part}/list.txt")).is_file()]
    return " and ".join(lists) or None


def list_records(root: Path, problems: Problems) -> list[Record]:
    """All records. Raises BadInput for a missing list; for bad lines as `problems` says."""
    records: list[Record] = []
    seen: dict[Path, str] = {}
    for part in PARTS:
        for origin, line in lines_of(root / part / "list.txt", root):
            with problems.tolerate():
                record = _record(root, part, origin, line.split())
                if record.image in seen:
                    raise BadInput(
                        f"{origin}: names the picture of {seen[record.image]} again; remove one"
                    )
                seen[record.image] = origin
                if records and len(records[0].points) != len(record.points):
                    raise BadInput(
                        f"{origin}: {len(record.points)} points where {records[0].origin} has "
                        f"{len(records[0].points)}; keep one point scheme in a data set"
                    )
                records.append(record)
    return records


def _record(root: Path, part: str, origin: str, tokens: list[str]) -> Record:
    """The face of one line, split into `tokens`."""
    count = len(tokens) - 1
    if count not in COUNTS:
        wanted = ", ".join(str(known) for known in sorted(COUNTS))
        raise BadInput(
            f"{origin}: {count} numbers after the picture's name; write one of {wanted} (x y of "
            "each point, then pitch yaw roll) and no blanks in the name"
        )
    points, has_pose = COUNTS[count]
    values = numbers(tokens[1:], origin)
    places = values[: 2 * points].reshape(points, 2)
    if places.min() < -FURTHEST or places.max() > 1 + FURTHEST:
        raise BadInput(
            f"{origin}: a point lies at {places.flat[np.abs(places).argmax()]:g}; divide x and y "
            "by the picture's side, so that they run from 0 to 1"
        )
    image = _picture(root, part, tokens[0], origin)
    return Record(
        image=image,
        name=relative(image, root),
        origin=origin,
        points=places,
        group=f"{part}/{photograph_of(image.stem)}",
        split=PARTS[part],
        pose=np.radians(values[-ANGLES:]) if has_pose else None,
        cropped=True,
    )


def _picture(root: Path, part: str, name: str, origin: str) -> Path:
    """The picture's file: `name` is relative to the root, to the part, or to its imgs."""
    starts = ((), (part,), (part, "imgs"))
    places = [within(root, *start, name) for start in starts]
    if places[0] is None or Path(name).is_absolute():
        raise BadInput(
            f"{origin}: {name} leads out of the data set; put the picture into {part}/imgs and "
            "write its bare name"
        )
    for place in places:
        if place is not None and place.is_file():
            return place
    raise BadInput(
        f"{origin}: no picture {name} in the root, in {part} or in {part}/imgs; add it or remove "
        "the line"
    )


READER = Reader(
    looks_for="train_data/list.txt and test_data/list.txt",
    detect=detect,
    read=photographs(list_records),
)
