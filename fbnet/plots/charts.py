"""Curves over epochs, error distributions, and costs as a map and as a scatter."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from fbnet.plots.style import ACCENTS, INK, QUIET, figure


def ced(
    curves: Mapping[str, np.ndarray],
    path: str | Path,
    thresholds: Sequence[float] = (0.08, 0.10),
    limit: float = 0.25,
) -> None:
    """Cumulative error distribution of each named set of NMEs [n] (fractions)."""
    with figure(path, 4.2) as (_, axes):
        ax = axes[0, 0]
        for (name, errors), colour in zip(curves.items(), cycle(ACCENTS), strict=False):
            ordered = np.sort(errors)
            share = np.arange(len(ordered) + 1) / len(ordered)
            ends = np.concatenate([[0], ordered, [max(limit, ordered[-1])]])
            label = f"{name}: NME {np.mean(errors):.2%}, median {np.median(errors):.2%}"
            ax.step(100 * ends, np.append(share, 1), where="post", color=colour, label=label)
        for threshold in thresholds:
            ax.axvline(100 * threshold, color=INK, lw=0.8, ls=":")
            ax.text(100 * threshold, 1.01, f" {threshold:.0%}", color=INK, ha="center", va="bottom")
        ax.set(xlim=(0, 100 * limit), ylim=(0, 1), xlabel="NME in % of the eye distance")
        ax.set_ylabel("share of faces with no more")
        ax.legend(loc="lower right")


def heatmap(tables: Mapping[str, Sequence[Mapping[str, float]]], path: str | Path) -> None:
    """Cost tables by title, one below the other: layers x blocks.

    A table is a list of {block: cost}, one a searchable layer; blocks that a layer lacks stay
    blank.
    """
    blocks = list(dict.fromkeys(b for table in tables.values() for layer in table for b in layer))
    layers = max(len(table) for table in tables.values())
    height = len(tables) * (0.3 * layers + 0.6) + 1.1
    with figure(path, height, len(tables), sharex=True) as (_, axes):
        for (title, table), ax in zip(tables.items(), axes[:, 0], strict=True):
            _cells(ax, title, [[layer.get(b, np.nan) for b in blocks] for layer in table])
        axes[-1, 0].set_xticks(range(len(blocks)), blocks, rotation=45, ha="right")


def _cells(ax: Any, title: str, rows: list[list[float]]) -> None:
    values = np.array(rows)
    top = np.nanmax(values)
    ax.imshow(values, cmap="Blues", vmin=0, vmax=1.15 * top, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value > 0.65 * top else INK
            ax.text(column, row, f"{value:.3g}", ha="center", va="center", color=colour, size=7)
    ax.set_title(title)
    ax.set_yticks(range(len(values)), [f"layer {i}" for i in range(len(values))])
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)


def history(rows: Sequence[Mapping[str, float]], path: str | Path) -> None:
    """Training over epochs: loss on a log scale, and validation NME with its best epoch.

    Rows are those of history.csv: `epoch`, `loss`, and `val_nme` where it was measured.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    with figure(path, 3.2, 1, 2) as (_, axes):
        left, right = axes[0]
        left.plot([r["epoch"] for r in rows], [r["loss"] for r in rows], color=ACCENTS[0])
        left.set(title="training loss", xlabel="epoch", yscale="log")
        left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        left.yaxis.set_major_formatter("{x:g}")
        left.yaxis.set_minor_locator(NullLocator())
        scored = [(r["epoch"], 100 * r["val_nme"]) for r in rows if "val_nme" in r]
        right.set(title="validation NME in %", xlabel="epoch")
        if scored:
            right.plot(*zip(*scored, strict=True), color=ACCENTS[0])
            epoch, best = min(scored, key=lambda point: point[1])
            right.plot(epoch, best, "o", color=ACCENTS[1])
            right.annotate(
                f"{best:.2f} at {epoch:g}", (epoch, best), (0, 8), color=ACCENTS[1],
                textcoords="offset points", ha="right",
            )  # fmt: skip
            right.set_ylim(bottom=0)


def probabilities(
    epochs: Sequence[Sequence[Sequence[float]]],
    layer_ops: Sequence[Sequence[str]],
    path: str | Path,
) -> None:
    """How each layer's distribution over its blocks moved: epochs x layers x blocks.

    The blocks that end on top are coloured and named, the others grey.
    """
    columns = min(3, len(layer_ops))
    rows = ceil(len(layer_ops) / columns)
    with figure(path, 2.3 * rows + 0.3, rows, columns, sharex=True, sharey=True) as (_, axes):
        for layer, (ops, ax) in enumerate(zip(layer_ops, axes.flat, strict=False)):
            _distribution(ax, np.array([epoch[layer] for epoch in epochs]), ops)
            ax.set_title(f"layer {layer}")
        for ax in list(axes.flat)[len(layer_ops) :]:
            ax.set_axis_off()
        for ax in list(axes.flat)[len(layer_ops) - columns : len(layer_ops)]:
            ax.tick_params(labelbottom=True)  # the last of each column, whatever stands below
            ax.set_xlabel("epoch")
        for ax in axes[:, 0]:
            ax.set_ylabel("probability")


def _distribution(ax: Any, values: np.ndarray, ops: Sequence[str]) -> None:
    steps = np.arange(1, len(values) + 1)
    ranked = np.argsort(-values[-1], kind="stable")
    for block in ranked[::-1]:
        ax.plot(steps, values[:, block], color=QUIET, lw=1)
    for block, colour in zip(ranked[:3], ACCENTS, strict=False):
        label = f"{ops[block]} {values[-1, block]:.2f}"
        ax.plot(
            steps, values[:, block], color=colour, label=label, marker="o", markevery=[-1], ms=3
        )
    ax.set_ylim(0, 1)
    ax.legend(loc="best", fontsize=7, handlelength=1.2, borderaxespad=0.2)


def prediction(predicted: Sequence[float], measured: Sequence[float], path: str | Path) -> None:
    """Latency of whole nets in ms, the table's sum against what was measured.

    The first net is the exported one, the others stand for the space.
    """
    with figure(path, 4.2) as (_, axes):
        ax = axes[0, 0]
        low, high = min(*predicted, *measured), max(*predicted, *measured)
        pad = 0.08 * (high - low) + 0.02 * high
        ends = (low - pad, high + pad)
        ax.plot(ends, ends, color=QUIET, lw=1, label="predicted = measured")
        ax.scatter(predicted[1:], measured[1:], color=ACCENTS[0], label="sampled nets")
        ax.scatter(predicted[:1], measured[:1], color=ACCENTS[1], label="exported net")
        ax.set(xlim=ends, ylim=ends, xlabel="predicted by the table, ms", ylabel="measured, ms")
        ax.set_aspect("equal")
        ax.legend(loc="upper left")
