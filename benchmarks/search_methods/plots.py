"""Regret against compute."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.ticker import NullLocator, ScalarFormatter

from fbnet.plots.style import ACCENTS, INK, QUIET, figure

LEFT_OUT = "evolution on the supernet"
"""Hardly differs from the inherited ranking, which bounds it."""
MARKS = {"FBNet": "o", "inherited ranking": "s"}
"""Of methods with a supernet, whose variants have a colour each."""


def regret(figures: Mapping[str, Any], path: Path) -> None:
    """Median regret of each method over its core-seconds, with quartiles; no training: a line.

    A method that takes what it takes is a point.
    """
    with figure(path, 4.6) as (_, axes):
        ax = axes[0, 0]
        lines, variants = iter((INK, *reversed(ACCENTS))), dict[str, str]()
        for name, each in figures.items():
            kind, _, variant = name.partition(", ")
            if kind == LEFT_OUT:
                continue
            seconds, low, middle, high = zip(*each["curve"], strict=True)
            if variant:
                colour = variants.setdefault(variant, ACCENTS[len(variants) % len(ACCENTS)])
                error = [[middle[0] - low[0]], [high[0] - middle[0]]]
                ax.errorbar(
                    seconds, middle, yerr=error, ls="none", marker=MARKS[kind], ms=6, label=name,
                    color=colour, elinewidth=0.8, mfc=colour if kind == "FBNet" else "white",
                )  # fmt: skip
            elif not any(seconds):
                ax.axhline(middle[0], color=QUIET, ls="--", lw=1.2, label=name)
            elif len(seconds) == 1:
                ax.plot(seconds, middle, "*", color=INK, ms=11, label=name)
            else:
                colour = next(lines)
                ax.plot(seconds, middle, ".-", color=colour, label=name)
                ax.fill_between(seconds, low, high, color=colour, alpha=0.08, lw=0)
        ax.set(
            xscale="log", xlabel="core-seconds in a band",
            ylabel="NME above the band's best, seed sd",
        )  # fmt: skip
        ticks = [50, 100, 200, 400, 800, 1600, 3200]
        low, high = ax.get_xlim()
        ax.set_xticks([tick for tick in ticks if low <= tick <= high])
        ax.xaxis.set_major_formatter(ScalarFormatter())
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_ylim(bottom=-0.1)  # a mark at 0 is seen whole
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
