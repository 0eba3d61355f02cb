"""Charts of a run: numbers in, coordinates and path data out; a template turns them into SVG.

The drawing is small (units near CSS pixels on a phone), so that its text stays legible there.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

import numpy as np

from stages import records
from stages.results import Results

WIDTH, HEIGHT = 360, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 24, 40
TICK_STEPS = (1, 2, 2.5, 5, 10)
MIN_TICKS = 3
"""A logarithmic axis with fewer powers inside has plain steps instead."""
TOP_BLOCKS = 3
NME_THRESHOLDS = (0.08, 0.10)
CED_LIMIT = 0.25

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Points (x, y) under one name. kind: line, step or dots; style: a CSS class."""

    name: str
    points: Sequence[Point]
    style: str
    kind: str = "line"
    labels: Sequence[str] = ()
    """Tooltip of each point; of dots only."""
    legend: bool = True


@dataclass(frozen=True)
class Axis:
    """Ends of an axis in the data's unit, and how a tick is written."""

    label: str
    low: float
    high: float
    form: Callable[[float], str] = "{:g}".format
    log: bool = False

    def share(self, value: float) -> float:
        """Position of a value, 0 at the low end, 1 at the high one."""
        low, high, at = (log10(v) if self.log else v for v in (self.low, self.high, value))
        return (at - low) / (high - low)

    def ticks(self) -> list[float]:
        """Three to six round values between the ends."""
        low, high = self.low, self.high
        if self.log:
            powers = range(floor(log10(low)), ceil(log10(high)) + 1)
            ticks = [m * 10.0**p for p in powers for m in (1, 2, 5)]
            ticks = [v for v in ticks if low * 0.999 <= v <= high * 1.001]
            if len(ticks) >= MIN_TICKS:
                return ticks
        rough = (high - low) / 4
        power = 10 ** floor(log10(rough))
        step = next(n * power for n in TICK_STEPS if n * power >= rough * 0.999)
        first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
        return [round(number * step, 12) for number in range(first, last + 1)]


@dataclass(frozen=True)
class Drawn:
    """A series in drawing units: a path, or dots (x, y, tooltip)."""

    style: str
    path: str
    dots: list[tuple[float, float, str]]


@dataclass(frozen=True)
class Chart:
    """All that the template draws. Pairs are (position, text)."""

    title: str
    x_label: str
    y_label: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    guides: list[tuple[float, str]]
    drawn: list[Drawn]
    legend: list[tuple[str, str]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def chart(
    title: str, x: Axis, y: Axis, series: Sequence[Series], guides: Sequence[float] = ()
) -> Chart:
    """Lay out `series`; `guides` are values of x marked by a vertical line."""

    def across(value: float) -> float:
        return round(LEFT + x.share(value) * (WIDTH - LEFT - RIGHT), 1)

    def up(value: float) -> float:
        return round(HEIGHT - BOTTOM - y.share(value) * (HEIGHT - TOP - BOTTOM), 1)

    drawn = []
    for line in series:
        points = [(across(a), up(b)) for a, b in line.points]
        if line.kind == "dots":
            labels = line.labels or [""] * len(points)
            dots = [(*point, text) for point, text in zip(points, labels, strict=True)]
            drawn.append(Drawn(line.style, "", dots))
        else:
            drawn.append(Drawn(line.style, path_data(points, line.kind == "step"), []))
    return Chart(
        title=title,
        x_label=x.label,
        y_label=y.label,
        x_ticks=[(across(v), x.form(v)) for v in x.ticks()],
        y_ticks=[(up(v), y.form(v)) for v in y.ticks()],
        guides=[(across(v), x.form(v)) for v in guides],
        drawn=drawn,
        legend=[(line.style, line.name) for line in series if line.legend],
    )


def path_data(points: Sequence[Point], step: bool = False) -> str:
    """SVG path data through the points; `step` keeps each height until the next point."""
    parts: list[str] = []
    for x, y in points:
        if step and parts:
            parts.append(f"H{x:g}")
        parts.append(f"{'L' if parts else 'M'}{x:g} {y:g}")
    return "".join(parts)


def span(values: Sequence[float], pad: float = 0.06) -> tuple[float, float]:
    """Ends of an axis that holds the values with some room, also where all are equal."""
    low, high = min(values), max(values)
    room = pad * (high - low) or pad * abs(high) or 1.0
    return low - room, high + room


def percent(value: float) -> str:
    """A share as per cent, as short as it goes."""
    return f"{100 * value:g} %"


def training(results: Results) -> list[Chart]:
    """Loss and validation NME of search and retraining over their epochs."""
    charts = []
    for stage in ("search", "retrain"):
        rows = records.rows(results.history(stage), ["epoch"], optional=["loss", "val_nme"])
        charts.append(_over_epochs(f"{stage}: training loss", rows, "loss", log=True))
        charts.append(_over_epochs(f"{stage}: validation NME", rows, "val_nme"))
    return [drawn for drawn in charts if drawn]


def _over_epochs(
    title: str, rows: list[dict[str, Any]], column: str, log: bool = False
) -> Chart | None:
    """One column of a history with its best value marked; None where no row has a value."""
    points = [(row["epoch"], row[column]) for row in rows if row[column] is not None]
    if not points:
        return None
    values = [value for _, value in points]
    log = log and min(values) > 0
    # A logarithmic axis needs factors as room, one from zero none below.
    low, high = (min(values) / 1.1, max(values) * 1.1) if log else (0.0, max(values) * 1.08 or 1.0)
    y = Axis("", low, high, "{:g}".format if log else percent, log)
    lines = [Series(column, points, "c0", legend=False)]
    if not log:
        best = min(points, key=lambda point: point[1])
        label = f"{best[1]:.2%} at epoch {best[0]:g}"
        lines.append(Series(f"best: {label}", [best], "c1", "dots", [label]))
    return chart(title, _epochs(points), y, lines)


def _epochs(points: list[Point]) -> Axis:
    first, last = points[0][0], points[-1][0]
    return Axis("epoch", first, max(last, first + 1))


def probabilities(results: Results) -> list[Chart]:
    """Each layer's distribution over its blocks; the blocks most likely at the end are named."""
    layers: dict[int, dict[str, list[Point]]] = defaultdict(lambda: defaultdict(list))
    for row in records.rows(results.probabilities, ["epoch", "layer", "probability"], ["block"]):
        point = (row["epoch"], row["probability"])
        layers[int(row["layer"])][row["block"]].append(point)
    charts = []
    for layer, curves in sorted(layers.items()):
        last = {block: points[-1][1] for block, points in curves.items()}
        ranked = sorted(curves, key=lambda block: -last[block])
        lines = [
            Series(block, curves[block], "quiet", legend=False) for block in ranked[TOP_BLOCKS:]
        ]
        lines += [
            Series(f"{block} {last[block]:.2f}", curves[block], f"c{i}")
            for i, block in enumerate(ranked[:TOP_BLOCKS])
        ]
        x = _epochs(curves[ranked[0]])
        charts.append(chart(f"layer {layer}", x, Axis("probability", 0, 1), lines))
    return charts


def error_distribution(results: Results) -> Chart:
    """The CED of the net and of the mean face on the test faces."""
    rows = records.rows(results.errors, ["nme", "mean_face_nme"])
    lines = []
    for i, (column, name) in enumerate({"nme": "subnet", "mean_face_nme": "mean face"}.items()):
        if errors := [row[column] for row in rows]:
            inside = sorted(error for error in errors if error <= CED_LIMIT)
            ced = [(error, (rank + 1) / len(errors)) for rank, error in enumerate(inside)]
            ced = [(0.0, 0.0), *ced, (CED_LIMIT, len(inside) / len(errors))]
            lines.append(Series(f"{name}: {np.mean(errors):.2%}", ced, f"c{i}", "step"))
    x = Axis("NME, share of the eye distance", 0, CED_LIMIT, percent)
    y = Axis("", 0, 1, percent)
    return chart("share of test faces with no larger error", x, y, lines, NME_THRESHOLDS)


def prediction(results: Results) -> Chart:
    """Latency of whole nets in ms: the LUT's sum against what was measured."""
    nets = [(net["predicted_ms"], net["median"]) for net in records.latencies(results)["nets"]]
    low, high = span([value for net in nets for value in net])
    labels = [f"{predicted:.3f} predicted, {measured:.3f} ms" for predicted, measured in nets]
    series = [
        Series("predicted = measured", [(low, low), (high, high)], "quiet"),
        Series("sampled nets", nets[1:], "c0", "dots", labels[1:], legend=len(nets) > 1),
        Series("exported net", nets[:1], "c1", "dots", labels[:1]),
    ]
    sides = Axis("predicted by the table, ms", low, high), Axis("ms", low, high)
    return chart("measured against predicted latency", *sides, series)
