"""The tables of docs/headline.md, and the one of README.md."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from statistics import median
from typing import Any

from benchmarks.headline.goals import Verdict
from benchmarks.headline.recipes import RENDERED, SETS
from benchmarks.headline.table import ENGINE
from benchmarks.pages import table

Row = Mapping[str, Any]
Columns = dict[str, Callable[[Row], str]]


def _percent(name: str) -> Callable[[Row], str]:
    return lambda row: f"{row[name]:.2%}".replace("%", " %")


def _nme(row: Row) -> str:
    spread = "" if row["nme_std"] is None else f" ± {100 * row['nme_std']:.2f}"
    return f"{100 * row['nme']:.2f}{spread} %"


def _latency(row: Row) -> str:
    """`0.31 ms (0.15)` by engine: median, and ratio to lite."""
    return ", ".join(
        f"{engine} {found['latency_ms']:.2f} ({found['to_lite']:.2f})"
        for engine, found in row["latency"].items()
    )


COLUMNS: Columns = {
    "model": lambda row: row["model"],
    "parameters": lambda row: f"{row['params']:,}",
    "MACs": lambda row: f"{row['macs'] / 1e6:.2f} M",
    "size KB": lambda row: f"{row['size_kb']:.0f}",
    "latency ms (ratio to lite)": _latency,
    "NME": _nme,
    "each run": lambda row: ", ".join(f"{100 * nme:.2f}" for nme in row["nme_runs"]),
    "mean face": _percent("mean_face_nme"),
    "FR 0.08": _percent("fr_08"),
    "FR 0.10": _percent("fr_10"),
    "AUC 0.08": lambda row: f"{row['auc_08']:.3f}",
    "AUC 0.10": lambda row: f"{row['auc_10']:.3f}",
    "NME jittered": _percent("nme_jitter"),
}


def tables(rows: Sequence[Row]) -> str:
    """Two tables for each recipe and data set: the headline, and regions with yaw bands."""
    keys = dict.fromkeys((row["recipe"], row["data"]) for row in rows)
    parts = []
    for recipe, data in keys:
        chosen = [row for row in rows if (row["recipe"], row["data"]) == (recipe, data)]
        parts += [f"### {data}, recipe `{recipe}`", _markdown(COLUMNS, chosen)]
        parts.append(_markdown(_part_columns(chosen), chosen))
    return "\n\n".join(parts)


def digest(rows: Sequence[Row], recipes: Sequence[str] = ("one", "best")) -> str:
    """A line for each model: what it costs on rendered faces, and its NME by recipe and data set.

    NME is the median of the runs, which one failed training does not move.
    """
    found = {(row["model"], row["recipe"], row["data"]): row for row in rows}
    columns = list(product(recipes, SETS))
    names = ["model", "MACs", "size KB", "latency to lite's"]
    names += [f"NME, {data}, `{recipe}`" for recipe, data in columns]
    lines = [
        [model, COLUMNS["MACs"](row), COLUMNS["size KB"](row), _to_lite(row)]
        + [_median(found.get((model, *column))) for column in columns]
        for (model, recipe, data), row in found.items()
        if (recipe, data) == (recipes[0], RENDERED)
    ]
    return table(names, lines)


def _to_lite(row: Row) -> str:
    return f"{row['latency'][ENGINE]['to_lite']:.2f}" if ENGINE in row["latency"] else ""


def _median(row: Row | None) -> str:
    return f"{100 * median(row['nme_runs']):.2f} %" if row else ""


def verdict_list(verdicts: Sequence[Verdict]) -> str:
    """A line for each goal."""
    rows = []
    for verdict in verdicts:
        reached = "" if verdict.measured is None else "yes" if verdict.reached else "no"
        rows.append([verdict.goal, verdict.measured or "not yet", reached])
    return table(["goal", "measured", "reached"], rows)


def _part_columns(rows: Sequence[Row]) -> Columns:
    columns: Columns = {"model": lambda row: row["model"]}
    for part in ("nme_region", "nme_yaw"):
        for name in dict.fromkeys(name for row in rows for name in row[part]):
            columns[name.replace("_", " ")] = _part(part, name)
    return columns


def _part(part: str, name: str) -> Callable[[Row], str]:
    return lambda row: f"{100 * row[part][name]:.2f} %" if name in row[part] else ""


def _markdown(columns: Columns, rows: Sequence[Row]) -> str:
    return table(list(columns), ([cell(row) for cell in columns.values()] for row in rows))
