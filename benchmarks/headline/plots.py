"""Latency against error of the searched net and the public ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.headline import MODELS, SETS
from fbnet.plots.style import ACCENTS, figure

MARKERS = {"one": "o", "best": "D"}
"""Recipe -> marker."""
TITLES = {"rendered": "rendered test faces, 106 points", "photographs": "photographs, 68 points"}


def latency_error(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """A panel for each data set: median test NME over latency on a logarithmic scale.

    rows: of `table.rows`. A marker for each recipe, a colour for each model.
    """
    with figure(path, 3.4, columns=len(SETS)) as (_, axes):
        for ax, data in zip(axes[0], SETS, strict=True):
            for model, colour in zip(MODELS, ACCENTS, strict=False):
                points = {
                    row["recipe"]: (row["latency_ms"], 100 * median(row["nme_runs"]))
                    for row in rows
                    if (row["data"], row["model"]) == (data, model) and row["latency_ms"]
                }
                drawn = [(*points[recipe], recipe) for recipe in MARKERS if recipe in points]
                if not drawn:
                    continue
                ax.plot(*zip(*((x, y) for x, y, _ in drawn), strict=True), color=colour, lw=1)
                for x, y, recipe in drawn:
                    ax.scatter(x, y, color=colour, marker=MARKERS[recipe], s=42, zorder=3)
                x, y, _ = drawn[0]
                ax.annotate(model, (x, y), (0, 7), textcoords="offset points", ha="center")
            ax.set_xscale("log")
            ax.set(xlabel="latency, ms (one thread, one face)", title=TITLES[data])
            ax.set_xlim(0.15, 15)
            ax.set_xticks([0.2, 0.5, 1, 2, 5, 10], ["0.2", "0.5", "1", "2", "5", "10"])
            ax.set_ylim(0, 10)
            ax.minorticks_off()
        axes[0, 0].set_ylabel("NME, % (lower is better)")
        for recipe, marker in MARKERS.items():
            axes[0, 1].scatter([], [], color="#777777", marker=marker, label=f"recipe {recipe}")
        axes[0, 1].legend(loc="lower right")
