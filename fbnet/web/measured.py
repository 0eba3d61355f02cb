"""What a page sends back, checked and made a table of."""

import re
from pathlib import Path
from typing import Any

from fbnet.costs.kit.results import read_results, table_of
from fbnet.files import write_json, write_text

NO_NAME = re.compile(r"[^a-z0-9]+")
"""What does not stand in the name of a table's file."""
LONGEST = 60
"""Characters that it may have."""


def take(text: str, kit: Path, folder: Path) -> dict[str, Any]:
    """Keep a page's CSV and the table made of it in `folder`, under the device's name.

    Returns {table, error}: the table's path, and the mean share by which its sums miss the kit's
    check nets, None without any. Raises BadInput as `table_of` does; then nothing is kept.
    """
    device = read_results(text, "the page's results").facts.get("cpu", "")
    name = _free_name(folder, NO_NAME.sub("-", device.lower()).strip("-")[:LONGEST] or "device")
    results, table = folder / f"{name}.csv", folder / f"{name}.json"
    write_text(results, text)
    try:
        made = table_of(results, kit)
        write_json(table, made)
    except BaseException:
        results.unlink()
        raise
    return {"table": str(table), "error": made.get("mape")}


def _free_name(folder: Path, name: str) -> str:
    """The name, or with the first number that no file in the folder has yet."""
    number = 1
    while (folder / f"{name}{'' if number == 1 else f'-{number}'}.csv").exists():
        number += 1
    return name if number == 1 else f"{name}-{number}"
