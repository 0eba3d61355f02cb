"""Readers of face data sets, one a layout, and how a folder's layout is recognised."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fbnet.errors import BadInput
from fbnet.faces.readers import ibug, lapa, nni, wflw
from fbnet.faces.readers.records import Problems, Record

SYNTHETIC = "synthetic"
HEAD = "head.npz"


@dataclass(frozen=True)
class Layout:
    """found: what marks the layout in a folder, or None. looks_for: the same in words.

    read: its records; None where faces are rendered instead.
    """

    found: Callable[[Path], str | None]
    looks_for: str
    read: Callable[[Path, Problems], list[Record]] | None


def _found_head(root: Path) -> str | None:
    return HEAD if (root / HEAD).is_file() else None


LAYOUTS: dict[str, Layout] = {
    "nni": Layout(nni.found, "train_data/list.txt and test_data/list.txt", nni.read),
    "lapa": Layout(lapa.found, "landmarks/*.txt beside images or pictures", lapa.read),
    "ibug": Layout(ibug.found, "*.pts", ibug.read),
    "wflw": Layout(wflw.found, f"{wflw.FOLDER} or {wflw.PLACES[1]}", wflw.read),
    SYNTHETIC: Layout(_found_head, HEAD, None),
}
"""The known layouts by the name that `fetch.layout` takes."""


def recognise(root: Path, layout: str = "auto") -> tuple[str, str]:
    """(layout, what marks it) of the data set in `root`.

    Raises BadInput when the folder is missing, when nothing known is found in it, when marks of
    several layouts are, or when those of the `layout` asked for are not.
    """
    if not root.is_dir():
        raise BadInput(f"fetch.root: {root} is no folder; set fetch.root to the data set's folder")
    names = LAYOUTS if layout == "auto" else {layout: LAYOUTS[layout]}
    marks = {name: mark for name in names if (mark := LAYOUTS[name].found(root))}
    if len(marks) == 1:
        return next(iter(marks.items()))
    if marks:
        seen = "; ".join(f"{name}: {mark}" for name, mark in marks.items())
        raise BadInput(f"fetch.root: {root} looks like several layouts ({seen}); set fetch.layout")
    looked = "; ".join(f"{name}: {LAYOUTS[name].looks_for}" for name in names)
    raise BadInput(
        f"fetch.root: {root} holds no data set that is known. Looked for {looked}. Set fetch.root "
        "to the folder that holds these"
    )


def read(root: Path, layout: str, problems: Problems) -> list[Record]:
    """The records of `layout` in `root`, sorted by name, so that no file order matters.

    Raises BadInput when there is none, and for bad records as `problems` says.
    """
    reader = LAYOUTS[layout].read
    if reader is None:
        raise ValueError(f"{layout}: its faces are rendered, not read")
    records = sorted(reader(root, problems), key=lambda record: record.name)
    if not records:
        bad = f" ({len(problems.found)} bad: {problems.found[0]})" if problems.found else ""
        raise BadInput(f"{root}: no face can be used{bad}")
    return records


__all__ = ["LAYOUTS", "SYNTHETIC", "Layout", "Problems", "Record", "read", "recognise"]
