"""The tables of docs/search.md, and the fronts as a picture."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.core import DOCS, Summary
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import percent, picture, table
from benchmarks.spaces import ENGINES, FRONT, NETS, SEEDS
from fbnet.plots.style import ACCENTS, figure

PAGE = DOCS / "search.md"
FIRST, FIRST_FOUND = "nni", "front/nni_7.5"
"""The nets whose latency is 1 in their tables."""
NONE = "None yet: `python -m benchmarks.spaces run` goes on with the searches."


def summary(ledger: Ledger) -> Summary:
    """Figures of the stated nets and of those that were found, as far as they are trained."""
    results = ledger.results()
    stated = [row for name in NETS if (row := _figures(name, "latency", FIRST, results))]
    found = [
        row | {"choice": results[f"searched/{name}"]["choice"]}
        for name in FRONT
        if (row := _figures(f"front/{name}", "front/latency", FIRST_FOUND, results))
    ]
    about = {name: f"{name}: {net.about}" for name, net in NETS.items()}
    sections = {
        "spaces": table({"net": about[row["net"]], **_cells(row)} for row in stated),
        "fronts": table(_found(row) for row in found) if found else NONE,
        "spaces_front": "",
    }
    pictures = {}
    if found and all(row["to_first"] for row in found):
        pictures["front.png"] = partial(draw, found)
        text = "Latency against test NME of the nets that were found, a line a space"
        sections["spaces_front"] = picture(ledger.folder / "front.png", PAGE, text)
    return Summary({"stated": stated, "found": found}, {PAGE: sections}, pictures)


def _found(row: Mapping[str, Any]) -> dict[str, str]:
    """The line of a net that was searched within a budget."""
    budget = FRONT[row["net"].removeprefix("front/")]
    return {
        "space, input": f"{budget.space}, {budget.size}",
        "budget, M": f"{budget.macs / 1e6:g}",
        "architecture": " ".join(row["choice"]),
        **_cells(row),
    }


def _cells(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "M MACs": f"{row['macs'] / 1e6:.2f}",
        "validation NME": percent(row["val_nme"]),
        "test NME": percent(row["test_nme"]),
        **{f"latency, {e}": f"{ratio:.2f}" for e, ratio in row["to_first"].items()},
    }


def _figures(
    name: str, latency: str, first: str, results: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The figures of a net, means over its seeds; None before all of them are trained."""
    names = [f"{name}-{seed}" for seed in SEEDS]
    if not results.keys() >= set(names):
        return None
    runs = [results[name] for name in names]
    timed = {e: results[key]["latency_ms"] for e in ENGINES if (key := f"{latency}_{e}") in results}
    return {
        "net": name,
        "macs": int(runs[0]["macs"]),
        **{key: fmean(float(run[key]) for run in runs) for key in ("val_nme", "test_nme")},
        "to_first": {engine: medians[name] / medians[first] for engine, medians in timed.items()},
    }


def draw(found: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Latency against test NME in each engine, a line a space."""
    with figure(path, 4.0, columns=len(ENGINES)) as (_, axes):
        for ax, engine in zip(axes[0], ENGINES, strict=True):
            families = dict.fromkeys(_family(row) for row in found)
            for family, colour in zip(families, ACCENTS, strict=False):
                points = sorted(
                    (row["to_first"][engine], 100 * row["test_nme"])
                    for row in found
                    if _family(row) == family
                )
                ax.plot(*zip(*points, strict=True), "o-", color=colour, label=family)
            ax.set(xlabel=f"latency, {engine}", ylabel="test NME, %")
        axes[0, 0].legend(loc="upper right")


def _family(row: Mapping[str, Any]) -> str:
    return FRONT[row["net"].removeprefix("front/")].space.split("_")[0]
