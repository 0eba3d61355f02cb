"""From the records of all trainings to the rows of table.json, and to the tables of the docs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from statistics import fmean, median, stdev
from typing import Any

from benchmarks.core.ledger import Ledger
from benchmarks.core.page import table
from benchmarks.headline import MODELS, RECIPES, RENDERED, SETS
from benchmarks.headline.goals import Goal

FIGURES = (
    *("val_nme", "nme", "nme_jitter", "nme_box", "mean_face_nme"),
    *("fr_08", "fr_10", "auc_08", "auc_10"),
)
"""Means over the runs."""
PARTS = ("nme_region", "nme_yaw")
"""Figures by part; a run without faces in a part does not count there."""
ENGINE = "onnxruntime"
"""Whose latency is the row's `latency_ms`."""

Record = Mapping[str, Any]
Cell = Callable[[Record], str]


def records(ledger: Ledger) -> list[Record]:
    """All finished trainings but the trials, in the order of recipes, data sets and models."""
    return [
        record
        for recipe, data, model in product(RECIPES, SETS, MODELS)
        for record in ledger.results(f"{data}/{recipe}/{model}-*").values()
    ]


def rows(records: Iterable[Record], latency: Record) -> list[dict[str, Any]]:
    """A row for each recipe, data set and model, averaged over its runs."""
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        key = record["recipe"], record["data"], record["model"]
        groups.setdefault(key, []).append(record)
    return [_row(group, latency) for group in groups.values()]


def _row(group: Sequence[Record], latency: Record) -> dict[str, Any]:
    first = group[0]
    nmes = [record["nme"] for record in group]
    engines = {
        timed["engine"]: {"latency_ms": timed["latency_ms"], "to_lite": timed["to_lite"]}
        for timed in latency.get("rows", [])
        if (timed["data"], timed["model"]) == (first["data"], first["model"])
    }
    return {
        **{name: first[name] for name in ("model", "data", "recipe", "macs", "params")},
        **{name: fmean(record[name] for record in group) for name in (*FIGURES, "size_kb")},
        **{part: _by_part([record[part] for record in group]) for part in PARTS},
        "runs": len(group),
        "faces": sum(record["faces"] for record in group),
        "nme_runs": nmes,
        "nme_std": stdev(nmes) if len(nmes) > 1 else None,
        "latency_ms": engines.get(ENGINE, {}).get("latency_ms"),
        "latency": engines,
    }


def _by_part(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for parts in runs for name in parts)
    return {name: fmean(parts[name] for parts in runs if name in parts) for name in names}


def _percent(name: str) -> Cell:
    return lambda row: f"{100 * row[name]:.2f} %"


def _nme(row: Record) -> str:
    spread = "" if row["nme_std"] is None else f" ± {100 * row['nme_std']:.2f}"
    return f"{100 * row['nme']:.2f}{spread} %"


def _latency(row: Record) -> str:
    """`onnxruntime 0.31 (0.15), ...`: median in ms, and ratio to lite."""
    return ", ".join(
        f"{engine} {timed['latency_ms']:.2f} ({timed['to_lite']:.2f})"
        for engine, timed in row["latency"].items()
    )


COLUMNS: dict[str, Cell] = {
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


def tables(rows: Sequence[Record]) -> str:
    """Two tables for each recipe and data set: the headline, and regions with yaw bands."""
    sections = []
    for recipe, data in dict.fromkeys((row["recipe"], row["data"]) for row in rows):
        shown = [row for row in rows if (row["recipe"], row["data"]) == (recipe, data)]
        main = [{name: cell(row) for name, cell in COLUMNS.items()} for row in shown]
        parts = [
            {"model": row["model"]}
            | {
                name.replace("_", " "): f"{100 * nme:.2f} %"
                for part in PARTS
                for name, nme in row[part].items()
            }
            for row in shown
        ]
        sections += [f"### {data}, recipe `{recipe}`", table(main), table(parts)]
    return "\n\n".join(sections)


def digest(rows: Sequence[Record], recipes: Sequence[str] = ("one", "best")) -> str:
    """A line for each model: what it costs on rendered faces, and its NME by recipe and data set.

    NME is the median of the runs, which one failed training does not move.
    """
    by_key = {(row["model"], row["recipe"], row["data"]): row for row in rows}
    lines = []
    for (model, *key), row in by_key.items():
        if key == [recipes[0], RENDERED]:
            timed = row["latency"].get(ENGINE)
            line = {
                "model": model,
                "MACs": COLUMNS["MACs"](row),
                "size KB": f"{row['size_kb']:.0f}",
            }
            line["latency to lite's"] = f"{timed['to_lite']:.2f}" if timed else ""
            for recipe, data in product(recipes, SETS):
                nmes = by_key.get((model, recipe, data), {}).get("nme_runs")
                cell = f"{100 * median(nmes):.2f} %" if nmes else ""
                line[f"NME, {data}, `{recipe}`"] = cell
            lines.append(line)
    return table(lines)


def goals(goals: Iterable[Goal]) -> str:
    """A line for each goal."""
    answers = {None: "", True: "yes", False: "no"}
    return table(
        {
            "goal": goal.text,
            "measured": goal.measured or "not yet",
            "reached": answers[goal.reached if goal.measured else None],
        }
        for goal in goals
    )
