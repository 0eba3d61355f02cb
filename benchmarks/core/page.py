"""Tables and pictures of the docs, each put between `<!-- NAME -->` and `<!-- end NAME -->`."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from fbnet.errors import BadInput
from fbnet.files import write_text


def table(rows: Iterable[Mapping[str, str]]) -> str:
    """A Markdown table of rows {column: cell}.

    Its columns are the union of the rows' keys in order of appearance; gaps stay empty. Without
    rows there is no table.
    """
    rows = list(rows)
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[row.get(name, "") for name in names] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in [names, ["---"] * len(names), *cells])


def picture(path: Path, page: Path, text: str) -> str:
    """A picture for a page of the docs, by its path from there; `text` says what it shows."""
    return f"![{text}]({os.path.relpath(path, page.parent)})"


def percent(value: float | None) -> str:
    """A fraction as `7.12 %`; nothing for None."""
    return "" if value is None else f"{100 * value:.2f} %"


def fill(page: Path, sections: Mapping[str, str]) -> None:
    """Replace the sections by name. Raises BadInput, nothing written, where a marker is missing."""
    text = page.read_text()
    for name, body in sections.items():
        start, end = f"<!-- {name} -->", f"<!-- end {name} -->"
        head, opened, rest = text.partition(start)
        _, closed, tail = rest.partition(end)
        if not (opened and closed):
            raise BadInput(f"{page}: lacks the markers {start} and {end}; put them back")
        text = f"{head}{start}\n{body}\n{end}{tail}"
    write_text(page, text)
