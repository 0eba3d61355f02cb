"""Rows of tables as texts."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fbnet.errors import BadInput
from fbnet.files import read_json
from stages.table import COLUMNS

Row = dict[str, str]


def curve(rows: Iterable[Row], name: str) -> list[tuple[float, float]]:
    """(epoch, value) of each row that has a value of that name."""
    return [(float(row["epoch"]), float(row[name])) for row in rows if row.get(name)]


def as_texts(row: Mapping[str, Any]) -> list[str]:
    """The figures of a row in the order of `stages.table.COLUMNS`; nothing for what it lacks."""
    return [form.format(row[name]) if name in row else "" for name, (_, form) in COLUMNS.items()]


BESIDE = ("data", "recipe")
"""Texts of a benchmark's row, beside its figures."""


def baselines(path: Path | None) -> list[dict[str, Any]]:
    """Rows of a benchmark's table (`model`, `data`, `recipe` and figures); none without a file.

    Raises BadInput for a file that holds no such rows.
    """
    if path is None or not path.exists():
        return []
    rows = read_json(path)
    if not isinstance(rows, list) or not all(isinstance(r, dict) and "model" in r for r in rows):
        raise BadInput(f"{path}: must be a list of rows that name their `model`")
    return [
        {
            "model": row["model"],
            "texts": [str(row.get(name, "")) for name in BESIDE],
            "figures": _with_spread(row),
        }
        for row in rows
    ]


def _with_spread(row: Mapping[str, Any]) -> list[str]:
    known = {name: row[name] for name in COLUMNS if isinstance(row.get(name), int | float)}
    texts = dict(zip(COLUMNS, as_texts(known), strict=True))
    if texts["nme"] and isinstance(row.get("nme_std"), int | float):
        texts["nme"] = f"{row['nme']:.2%} ± {row['nme_std']:.2%}"
    return list(texts.values())


def filled(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Numbers of the columns that hold something in any row."""
    return [i for i in range(len(headings)) if any(row[i] for row in rows)]
