"""What the trainings say: docs/photographs.md, and its picture."""

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from benchmarks.core import DOCS, Summary
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import percent, picture, table
from benchmarks.photographs import PLAN, RENDERED, SCRATCH

PAGE = DOCS / "photographs.md"
NAME = re.compile(r"(\w+)/(\d+|all)-\d+")
NONE = "No training is recorded yet."
LABELS = {RENDERED: "rendered faces first", SCRATCH: "photographs alone"}

Runs = Mapping[int, list[Mapping[str, Any]]]
"""Photographs (mean over the draws) -> records of the draws."""


def summary(ledger: Ledger) -> Summary:
    """A line for each count, rendered faces first and photographs alone side by side."""
    results = ledger.results()
    known = {start: runs_of(results, start) for start in LABELS}
    if not any(known.values()):
        return Summary({}, {PAGE: {"few": NONE, "curve": "", "rates": ""}})
    counts = sorted({count for runs in known.values() for count in runs})
    sections = {
        "few": table(row(count, known) for count in counts),
        "curve": picture(ledger.folder / "curve.png", PAGE, "Photographs against NME"),
        "rates": table(rates_row(start, count, results) for start, count in PLAN.rates),
    }
    figures = {
        start: {str(count): [run["nme"] for run in runs] for count, runs in by_count.items()}
        for start, by_count in known.items()
    }
    return Summary(figures, {PAGE: sections}, {"curve.png": partial(draw_curve, known)})


def runs_of(results: Mapping[str, Any], start: str) -> Runs:
    """The records of a start by photographs, fewest first."""
    by_name = defaultdict(list)
    for name, result in results.items():
        if (match := NAME.fullmatch(name)) and match[1] == start:
            by_name[match[2]].append(result)
    counted: Runs = defaultdict(list)
    for runs in by_name.values():  # two counts may be as many: where all are no more than that
        counted[round(fmean(run["photographs"] for run in runs))] += runs
    return dict(sorted(counted.items()))


def row(count: int, known: Mapping[str, Runs]) -> dict[str, str]:
    """A count of photographs in words."""
    every = [run for runs in known.values() for run in runs.get(count, [])]
    cells = {"photographs": f"{count:,}", "faces": f"{fmean(run['faces'] for run in every):,.0f}"}
    for start, label in LABELS.items():
        runs = known[start].get(count, [])
        cells[label] = spread([run["nme"] for run in runs])
        cells[f"{label}, 51 inner points"] = spread([run["inner_nme"] for run in runs])
    return cells | {"mean face": percent(fmean(run["mean_face_nme"] for run in every))}


def rates_row(start: str, count: int | None, results: Mapping[str, Any]) -> dict[str, str]:
    """What each rate gives on photographs neither learned from nor tested."""
    rates = sorted({rate for rates in PLAN.rates.values() for rate in rates})
    names = {f"{rate:g}": f"rates/{start}-{count or 'all'}-{rate:g}" for rate in rates}
    cells = {rate: percent(results.get(name, {}).get("val_nme")) for rate, name in names.items()}
    return {"start": LABELS[start], "photographs": f"{count or 'all'}"} | cells


def spread(nmes: list[float]) -> str:
    """Mean and standard deviation over the draws, in words."""
    if len(nmes) < 2:
        return percent(nmes[0]) if nmes else ""
    return f"{100 * fmean(nmes):.2f} ± {100 * stdev(nmes):.2f} %"


def draw_curve(known: Mapping[str, Runs], path: Path) -> None:
    """NME against photographs, each draw a dot, as PNG."""
    from fbnet.plots.style import ACCENTS, figure

    with figure(path, 3.6) as (_, axes):
        ax = axes[0, 0]
        for (start, label), colour in zip(LABELS.items(), ACCENTS, strict=False):
            runs = known[start]
            x = [max(count, 1) for count in runs]
            ax.plot(x, [100 * fmean(r["nme"] for r in every) for every in runs.values()],
                    "-", color=colour, label=label)  # fmt: skip
            for place, every in zip(x, runs.values(), strict=True):
                ax.plot([place] * len(every), [100 * r["nme"] for r in every], "o", ms=3.5,
                        color=colour)  # fmt: skip
        counts = sorted({count for runs in known.values() for count in runs})
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xticks([max(count, 1) for count in counts], [f"{count:,}" for count in counts])
        ax.set_yticks([4, 5, 6, 8, 10, 15], ["4", "5", "6", "8", "10", "15"])
        ax.minorticks_off()
        ax.set(xlabel="photographs to learn from", ylabel="NME of other photographs, %")
        ax.legend(loc="upper right")
