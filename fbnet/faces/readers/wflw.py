"""WFLW: list_98pt_rect_attr_{train,test}.txt and the folder WFLW_images.

A line: 196 coordinates in pixels, 4 of the rectangle, 6 attributes, the picture's path.
"""

from pathlib import Path

from fbnet.errors import BadInput
from fbnet.faces.readers.base import Problems, Reader, lines_of, numbers, relative, within
from fbnet.faces.readers.photographs import Record, photographs

FOLDER = "list_98pt_rect_attr_train_test"
PLACES = (FOLDER, f"WFLW_annotations/{FOLDER}")
LISTS = {f"list_98pt_rect_attr_{split}.txt": split for split in ("train", "test")}
PICTURES = "WFLW_images"
POINTS = 98
NUMBERS = 2 * POINTS + 4 + 6


def detect(root: Path) -> str | None:
    """The folder of lists in `root`, where there is one."""
    return next((place for place in PLACES if (root / place).is_dir()), None)


def list_records(root: Path, problems: Problems) -> list[Record]:
    """All records. Raises BadInput for a missing list; for bad lines as `problems` says."""
    records: list[Record] = []
    seen: dict[str, str] = {}
    folder = root / next(place for place in PLACES if (root / place).is_dir())
    for name, split in LISTS.items():
        for origin, line in lines_of(folder / name, root):
            with problems.tolerate():
                record = _record(root, split, origin, line.split())
                if record.name in seen:
                    raise BadInput(
                        f"{origin}: the same face as in {seen[record.name]}; remove one line"
                    )
                seen[record.name] = origin
                records.append(record)
    return records


def _record(root: Path, split: str, origin: str, tokens: list[str]) -> Record:
    """The face of one line, split into `tokens`."""
    if len(tokens) != NUMBERS + 1:
        raise BadInput(
            f"{origin}: {len(tokens)} words where 196 coordinates, 4 of the rectangle, "
            f"6 attributes and the picture's path make {NUMBERS + 1}; fix the line or remove it"
        )
    values = numbers(tokens[:-1], origin)
    image = within(root / PICTURES, tokens[-1])
    if image is None:
        raise BadInput(f"{origin}: {tokens[-1]} leads out of {PICTURES}; write a path inside it")
    if not image.is_file():
        raise BadInput(f"{origin}: no picture {PICTURES}/{tokens[-1]}; add it or remove the line")
    name = relative(image, root)
    left, top = values[2 * POINTS : 2 * POINTS + 2]
    return Record(
        image=image,
        name=f"{name}#{left:g},{top:g}",  # a picture may show several faces
        origin=origin,
        points=values[: 2 * POINTS].reshape(POINTS, 2),
        group=name,
        split=split,
    )


READER = Reader(looks_for=" or ".join(PLACES), detect=detect, read=photographs(list_records))
