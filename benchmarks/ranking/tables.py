"""Rows to Markdown."""

from collections.abc import Mapping, Sequence


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """A table under the union of the rows' keys, in order of appearance; gaps stay empty.

    Without rows there is no table.
    """
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names), *([row.get(n, "") for n in names] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def percent(value: float | None) -> str:
    """A fraction as `7.12 %`; nothing for None."""
    return "" if value is None else f"{100 * value:.2f} %"
