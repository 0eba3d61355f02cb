"""What a page sends back, checked and made a table of."""

import re
from itertools import chain, count
from pathlib import Path
from threading import Lock
from typing import Any

from fbnet.costs.kit.results import read_results, table_of
from fbnet.files import write_json, write_text

NO_NAME = re.compile(r"[^a-z0-9]+")
"""What does not stand in the name of a table's file."""
ENDINGS = (".csv", ".json")
"""Of what a page sent, and of the table made of it."""
ONE_AT_A_TIME = Lock()
LONGEST = 60
"""Characters that it may have."""


def take(text: str, kit: Path, folder: Path) -> dict[str, Any]:
    """Keep a page's CSV and the table made of it in `folder`, under the device's name.

    Returns {table, error}: the table's path, and the mean share by which its sums miss the kit's
    check nets, None without any. Raises BadInput as `table_of` does; then nothing is kept.
    """
    device = read_results(text, "the page's results").facts.get("cpu", "")
    device = NO_NAME.sub("-", device.lower()).strip("-")[:LONGEST] or "device"
    with ONE_AT_A_TIME:  # two phones of one kind want the same name
        name = _free_name(folder, device)
        results, table = (folder / f"{name}{end}" for end in ENDINGS)
        write_text(results, text)
        try:
            made = table_of(results, kit)
            write_json(table, made)
        except BaseException:
            results.unlink()
            raise
    return {"table": str(table), "error": made.get("mape")}


def _free_name(folder: Path, name: str) -> str:
    """The name, or with the first number under which the folder has no file yet."""
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(
        free for free in names if not any((folder / f"{free}{end}").exists() for end in ENDINGS)
    )
