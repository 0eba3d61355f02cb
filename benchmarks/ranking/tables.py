"""Rows to Markdown."""

from collections.abc import Mapping, Sequence

from benchmarks.pages import table


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """A table under the union of the rows' keys, in order of appearance; gaps stay empty.

    Without rows there is no table.
    """
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return table(names, ([row.get(name, "") for name in names] for row in rows)) + "\n"


def percent(value: float | None) -> str:
    """A fraction as `7.12 %`; nothing for None."""
    return "" if value is None else f"{100 * value:.2f} %"
