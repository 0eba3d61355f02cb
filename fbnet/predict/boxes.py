"""Faces that people or another detector have found already: the file of `--boxes`."""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from fbnet.errors import BadInput
from fbnet.files import number, read_csv, read_json
from fbnet.predict.crops import check_box
from fbnet.predict.sources import Source

COLUMNS = ("picture", "x", "y", "w", "h")
FORM = f"columns {','.join(COLUMNS)}, or a JSON list of objects with these keys"
FORMS: tuple[Callable[[str], str], ...] = (
    str,
    lambda name: unicodedata.normalize("NFC", name.replace("\\", "/")).lower(),
)
"""How names of pictures are compared, the strictest first."""
Boxes = dict[str, list[tuple[float, float, float, float]]]
"""Boxes (x, y, width, height) in pixels by the name of the picture."""


def read_boxes(path: Path) -> Boxes:
    """Boxes around landmarks, of a CSV file with a heading or a JSON file.

    Several rows may name one picture. Raises BadInput that names file and row for anything else.
    """
    rows = read_json(path) if path.suffix.lower() == ".json" else read_csv(path)
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise BadInput(f"{path}: give {FORM}")
    boxes: Boxes = {}
    for index, given in enumerate(rows, start=1):
        row = {str(column).strip().lower(): value for column, value in given.items()}
        missing = [column for column in COLUMNS if row.get(column) in (None, "")]
        if missing:
            raise BadInput(f"{path}: box {index} has no {missing[0]}; give {FORM}")
        x, y, width, height = (
            number(str(row[column]), f"{path}: {column} of box {index}") for column in COLUMNS[1:]
        )
        try:
            check_box((x, y, width, height))
        except BadInput as error:
            raise BadInput(f"{path}: box {index}: {str(error).removeprefix('box ')}") from None
        boxes.setdefault(str(row["picture"]).strip(), []).append((x, y, width, height))
    if not boxes:
        raise BadInput(f"{path}: no box in it; give {FORM}")
    return boxes


def by_source(boxes: Boxes, files: Sequence[Source], path: Path) -> dict[Source, list[Any]]:
    """The boxes of each file. A picture is named by its path, the end of its path, or its name.

    Back-slashes count as slashes; case and the form of letters (macOS takes an accent for a
    character of its own) count where files differ in nothing else. Raises BadInput for a name that
    is none of the files, or of more than one.
    """
    matched: dict[Source, list[Any]] = {source: [] for source in files}
    by_path, by_name = defaultdict(list), defaultdict(list)
    for source in files:
        if source.path is not None:
            by_path[source.path.resolve()].append(source)
            for form in FORMS:
                parts = PurePath(form(str(source.path))).parts
                by_name[form, parts[-1]].append((source, parts))
    for name, part in boxes.items():
        owners = by_path[Path(name).resolve()]
        for form in FORMS:
            tail = PurePath(form(name)).parts
            alike = by_name[form, tail[-1] if tail else ""]
            owners = owners or [source for source, parts in alike if parts[-len(tail) :] == tail]
        exact = [s for s in owners if s.path == Path(name)]
        if len(exact or owners) != 1:
            several = f"is the name of {len(owners)} of the files" if owners else "is none of them"
            raise BadInput(f"{path}: picture {name!r} {several}; give its path")
        matched[(exact or owners)[0]] += part
    return matched
