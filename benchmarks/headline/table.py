"""From the files of all trainings to the rows of table.json."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from benchmarks.headline.latency import by_engine
from benchmarks.headline.recipes import MODELS
from fbnet.files import read_json

FIGURES = (
    *("val_nme", "nme", "nme_jitter", "nme_box", "mean_face_nme"),
    *("fr_08", "fr_10", "auc_08", "auc_10"),
)
"""Means over the runs."""
PARTS = ("nme_region", "nme_yaw")
"""Figures by part; a run without faces in a part does not count there."""
LEARNED = 0.9
"""Share of the mean face's NME that a training has to stay below to count as a rival."""
ENGINE = "onnxruntime"
"""Whose latency is the row's `latency_ms`."""

Record = Mapping[str, Any]


def records(results: Path, recipes: Sequence[str], sets: Sequence[str]) -> list[Record]:
    """All finished trainings but the trials, in the order of recipes, data sets and models."""
    return [
        read_json(file)
        for recipe in recipes
        for data in sets
        for model in MODELS
        for file in sorted((results / data / recipe).glob(f"{model}-*.json"))
    ]


def rows(found: Iterable[Record], latency: Record) -> list[dict[str, Any]]:
    """A row for each recipe, data set and model, averaged over its runs."""
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for record in found:
        key = record["recipe"], record["data"], record["model"]
        groups.setdefault(key, []).append(record)
    return [_row(group, latency) for group in groups.values()]


def _row(group: Sequence[Record], latency: Record) -> dict[str, Any]:
    first = group[0]
    nmes = [record["nme"] for record in group]
    engines = by_engine(latency, first["data"], first["model"])
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


def _by_part(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for parts in found for name in parts)
    return {name: fmean(parts[name] for parts in found if name in parts) for name in names}


def learned(record: Record) -> bool:
    """Whether a training got away from answering with the mean face."""
    return bool(record["nme"] < LEARNED * record["mean_face_nme"])


def compared(
    found: Iterable[Record], model: str, other: str, data: str, recipe: str
) -> tuple[float, int] | None:
    """How much higher `model`'s NME is than `other`'s, relative, and over how many runs.

    The median over the runs of both in which `other` learned: folds differ in difficulty, and a
    failed training is no rival. None when there is no such run.
    """
    nmes: dict[str, dict[int, float]] = {model: {}, other: {}}
    for record in found:
        if (record["data"], record["recipe"]) != (data, recipe) or record["model"] not in nmes:
            continue
        if record["model"] == model or learned(record):
            nmes[record["model"]][record["run"]] = record["nme"]
    both = sorted(nmes[model].keys() & nmes[other].keys())
    if not both:
        return None
    return median(nmes[model][run] / nmes[other][run] for run in both) - 1, len(both)
