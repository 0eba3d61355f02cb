"""The table as pictures."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.core.statistics import Tau
from benchmarks.nas_table import BANDS
from benchmarks.nas_table.query import Table
from fbnet.plots.style import ACCENTS, INK, QUIET, figure


def nets(table: Table, path: Path) -> None:
    """MACs against test NME: a net is its mean, with its seeds as the ends of a bar."""
    with figure(path, 4.4) as (_, axes):
        ax = axes[0, 0]
        for choice, trained in table.by_choice.items():
            ends = [100 * t.test_nme for t in trained.values()]
            ax.plot([table.macs(choice) / 1e6] * len(ends), ends, color=QUIET, lw=1, zorder=1)
        x = [table.macs(choice) / 1e6 for choice in table.by_choice]
        y = [100 * table.nme(choice) for choice in table.by_choice]
        ax.scatter(x, y, s=12, color=ACCENTS[0], label="net, mean of its seeds", zorder=2)
        best = [table.best(band) for band in BANDS if table.choices(band, seeds=2)]
        ax.scatter(
            [table.macs(choice) / 1e6 for choice in best],
            [100 * table.nme(choice) for choice in best],
            s=44, facecolor="none", edgecolor=ACCENTS[1], lw=1.5, label="best of its band",
        )  # fmt: skip
        for low, _ in BANDS.values():
            ax.axvline(low / 1e6, color=QUIET, lw=0.6, ls=":")
        ax.set(xlabel="million MACs", ylabel="test NME, % (mean and seeds)")
        ax.legend(loc="upper right")


def epochs(taus: Mapping[int, Tau], path: Path) -> None:
    """Tau of each epoch with its interval; the last is the ceiling that the seeds set."""
    with figure(path, 3.2) as (_, axes):
        ax, at = axes[0, 0], list(taus)
        ax.fill_between(
            at, [t.low for t in taus.values()], [t.high for t in taus.values()],
            color=ACCENTS[0], alpha=0.15, label="95 %",
        )  # fmt: skip
        ax.plot(at, [t.value for t in taus.values()], "o-", color=ACCENTS[0], label="tau")
        ax.axhline(0, color=INK, lw=0.6)
        ax.set(xlabel="epoch", ylabel="tau with the other seed's end", xticks=at)
        ax.legend(loc="lower right")
