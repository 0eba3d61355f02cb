"""Tables of the docs: made of rows, and put between `<!-- NAME -->` and `<!-- end NAME -->`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fbnet.errors import BadInput
from fbnet.files import write_text


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table: a heading for each column, and rows of as many cells."""
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def fill(page: Path, sections: Mapping[str, str]) -> None:
    """Replace the sections by name. Raises BadInput, nothing written, where a marker is missing."""
    text = page.read_text()
    for name, body in sections.items():
        start, end = f"<!-- {name} -->", f"<!-- end {name} -->"
        head, found, rest = text.partition(start)
        _, closed, tail = rest.partition(end)
        if not (found and closed):
            raise BadInput(f"{page}: lacks the markers {start} and {end}; put them back")
        text = f"{head}{start}\n{body}\n{end}{tail}"
    write_text(page, text)
