"""The layouts of face data sets: one reader each, and how a folder's layout is recognised.

A new layout is one module with a `Reader` (`fbnet.faces.readers.base`) and one line in
`fbnet.tables.READERS`.
"""

from pathlib import Path

from fbnet.errors import BadInput
from fbnet.files import printable
from fbnet.tables import AUTO, READERS


def recognise(root: Path, layout: str = AUTO) -> tuple[str, str]:
    """Name of the layout of the data set in `root`, and the marker that shows it, in words.

    Raises BadInput when the folder is missing, when it holds no known marker, when it holds
    markers of several layouts, or when it lacks those of the `layout` asked for.
    """
    if not root.is_dir():
        raise BadInput(f"{printable(root)} is no folder; give the data set's folder (fetch.root)")
    names = list(READERS) if layout == AUTO else [layout]
    markers = {name: marker for name in names if (marker := READERS[name].detect(root))}
    if own := {name: marker for name, marker in markers.items() if not READERS[name].fallback}:
        markers = own
    if len(markers) == 1:
        return next(iter(markers.items()))
    if markers:
        seen = "; ".join(f"{name}: {marker}" for name, marker in markers.items())
        raise BadInput(
            f"{printable(root)} looks like several layouts ({seen}); set fetch.layout, or give the "
            "folder of one of them"
        )
    looked = "; ".join(f"{name}: {READERS[name].looks_for}" for name in names)
    raise BadInput(
        f"{printable(root)} holds no data set that is known. Looked for {looked}. Give the folder "
        "that holds these (fetch.root)"
    )
