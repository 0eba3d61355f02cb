"""Regret against compute."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fbnet.plots.style import ACCENTS, INK, QUIET, figure

MARKS = "osD^vP*X"


def regret(figures: Mapping[str, Any], path: Path) -> None:
    """Median regret of each method over its core-seconds, with quartiles; no training: a line."""
    with figure(path, 4.4) as (_, axes):
        ax = axes[0, 0]
        colours = [*ACCENTS, INK, QUIET, "#7a5ab5", "#b59a1c"]
        for number, (name, each) in enumerate(figures.items()):
            colour, curve = colours[number % len(colours)], each["curve"]
            seconds, low, middle, high = zip(*curve, strict=True)
            if not any(seconds):
                ax.axhline(middle[-1], color=colour, ls="--", lw=1.2, label=name)
                continue
            shown = {"color": colour, "label": name, "marker": MARKS[number % len(MARKS)], "ms": 5}
            if len(set(seconds)) == 1:
                error = [[middle[0] - low[0]], [high[0] - middle[0]]]
                ax.errorbar(seconds[:1], middle[:1], yerr=error, ls="none", **shown)
                continue
            ax.plot(seconds, middle, **shown)
            ax.fill_between(seconds, low, high, color=colour, alpha=0.12, lw=0)
        ax.axhline(1, color=INK, lw=0.6, ls=":")
        ax.set(
            xscale="log", xlabel="core-seconds in a band",
            ylabel="test NME above the band's best, seed sd",
        )  # fmt: skip
        ax.set_ylim(bottom=-0.1)  # a mark at 0 is seen whole
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
