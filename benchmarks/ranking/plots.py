"""Cost against error, the front of the budgets, and inherited against stand-alone error."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.ranking.verdict import Entry
from fbnet.costs.pareto import pareto_front
from fbnet.plots.style import ACCENTS, INK, QUIET, figure

KINDS = "sampled", "searched"


def cost_error(sample: Sequence[Entry], searched: Sequence[Entry], unit: str, path: Path) -> None:
    """Predicted cost against validation NME, each seed a bar's end, and the sample's front."""
    with figure(path, 4.4) as (_, axes):
        ax = axes[0, 0]
        best = pareto_front([(e.cost, 100 * e.error) for e in sample], key=lambda point: point)
        ax.plot(
            *zip(*best, strict=True), color=QUIET, lw=1.2,
            drawstyle="steps-post", label="front of the sample", zorder=1,
        )  # fmt: skip
        for kind, entries, colour in zip(KINDS, (sample, searched), ACCENTS, strict=False):
            for entry in entries:
                ends = [100 * min(entry.val), 100 * max(entry.val)]
                ax.plot([entry.cost] * 2, ends, color=colour, lw=1, alpha=0.5, zorder=2)
            if entries:
                costs, errors = [e.cost for e in entries], [100 * e.error for e in entries]
                ax.scatter(costs, errors, color=colour, label=kind, zorder=3, s=28)
        ax.set(xlabel=f"predicted cost, {unit}", ylabel="validation NME, % (mean and seeds)")
        ax.legend(loc="upper right")


def budget_front(points: Mapping[str, Any], path: Path) -> None:
    """MACs against test NME of the searched under budgets and of the sample, and their front."""
    with figure(path, 4.4) as (_, axes):
        ax = axes[0, 0]
        reached = points["front"]
        most = max(point["macs"] for kind in KINDS for point in points[kind])
        ax.plot(
            [*(point["macs"] / 1e6 for point in reached), most / 1e6],
            [*(100 * point["test_nme"] for point in reached), 100 * reached[-1]["test_nme"]],
            color=ACCENTS[1], lw=1.2, drawstyle="steps-post", label="front", zorder=1,
        )  # fmt: skip
        for kind, colour in zip(KINDS, ACCENTS, strict=False):
            ax.errorbar(
                [point["macs"] / 1e6 for point in points[kind]],
                [100 * point["test_nme"] for point in points[kind]],
                yerr=100 * points["seed_spread"] / 2**0.5,
                color=colour, label=kind, fmt="o", ms=5, elinewidth=1,
            )  # fmt: skip
        ax.set(xlabel="million MACs", ylabel="test NME, % (mean of the seeds)")
        ax.legend(loc="upper right")


def rank(sample: Sequence[Entry], title: str, path: Path) -> None:
    """Inherited against stand-alone validation NME of the sample, MACs by colour."""
    judged = [e for e in sample if e.inherited is not None]
    with figure(path, 4.4) as (drawn, axes):
        ax = axes[0, 0]
        points = ax.scatter(
            [100 * (e.inherited or 0.0) for e in judged], [100 * e.error for e in judged],
            c=[e.macs / 1e6 for e in judged], cmap="viridis", edgecolors=INK, linewidths=0.4, s=36,
        )  # fmt: skip
        drawn.colorbar(points, ax=ax, label="million MACs")
        ax.set(
            xlabel="validation NME with inherited weights, %",
            ylabel="validation NME trained alone, %",
            title=title,
        )
