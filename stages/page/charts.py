"""Which charts the report holds, from the files of the stages."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from fbnet.files import read_csv, read_json
from stages.page.svg import Axis, Chart, Point, Series, chart, span
from stages.page.tables import Row, curve

TOP_BLOCKS = 3
THRESHOLDS = (0.08, 0.10)
CED_LIMIT = 0.25


def percent(value: float) -> str:
    """A share as per cent, as short as it goes."""
    return f"{100 * value:g} %"


def training(results: Path) -> list[Chart]:
    """Loss and validation NME of search and retraining over their epochs."""
    drawn = []
    for stage in ("search", "retrain"):
        rows = read_csv(results / stage / "history.csv")
        drawn.append(_over_epochs(f"{stage}: training loss", rows, "loss", log=True))
        drawn.append(_over_epochs(f"{stage}: validation NME", rows, "val_nme"))
    return [found for found in drawn if found]


def _over_epochs(title: str, rows: list[Row], name: str, log: bool = False) -> Chart | None:
    points = curve(rows, name)
    if not points:
        return None
    values = [value for _, value in points]
    log = log and min(values) > 0
    # An axis of ratios needs factors as room, one from zero none below.
    low, high = (min(values) / 1.1, max(values) * 1.1) if log else (0.0, max(values) * 1.08 or 1.0)
    y = Axis("", low, high, "{:g}".format if log else percent, log)
    shown = [Series(name, points, "c0", legend=False)]
    if not log:
        best = min(points, key=lambda point: point[1])
        label = f"{best[1]:.2%} at epoch {best[0]:g}"
        shown.append(Series(f"best: {label}", [best], "c1", "dots", [label]))
    return chart(title, _epochs(points), y, shown)


def _epochs(points: list[Point]) -> Axis:
    first, last = points[0][0], points[-1][0]
    return Axis("epoch", first, max(last, first + 1))


def probabilities(results: Path) -> list[Chart]:
    """Each layer's distribution over its blocks; the blocks that end on top are named."""
    found: dict[int, dict[str, list[Point]]] = defaultdict(lambda: defaultdict(list))
    for row in read_csv(results / "search/probabilities.csv"):
        at = (float(row["epoch"]), float(row["probability"]))
        found[int(row["layer"])][row["block"]].append(at)
    return [_layer(f"layer {layer}", blocks) for layer, blocks in sorted(found.items())]


def _layer(title: str, blocks: dict[str, list[Point]]) -> Chart:
    ranked = sorted(blocks, key=lambda block: -blocks[block][-1][1])
    top, rest = ranked[:TOP_BLOCKS], ranked[TOP_BLOCKS:]
    lines = [Series(block, blocks[block], "quiet", legend=False) for block in rest]
    lines += [
        Series(f"{block} {blocks[block][-1][1]:.2f}", blocks[block], f"c{i}")
        for i, block in enumerate(top)
    ]
    return chart(title, _epochs(blocks[ranked[0]]), Axis("probability", 0, 1), lines)


def error_distribution(results: Path) -> Chart:
    """The CED of the net and of the mean face on the test faces."""
    rows = read_csv(results / "export/errors.csv")
    names = {"nme": "subnet", "mean_face_nme": "mean face"}
    lines = [
        Series(f"{shown}: {np.mean(errors):.2%}", _ced(errors), f"c{i}", "step")
        for i, (column, shown) in enumerate(names.items())
        if (errors := [float(row[column]) for row in rows])
    ]
    x = Axis("NME, share of the eye distance", 0, CED_LIMIT, percent)
    y = Axis("", 0, 1, percent)
    return chart("share of test faces with no larger error", x, y, lines, THRESHOLDS)


def _ced(errors: list[float]) -> list[Point]:
    inside = sorted(e for e in errors if e <= CED_LIMIT)
    points = [(e, (i + 1) / len(errors)) for i, e in enumerate(inside)]
    return [(0.0, 0.0), *points, (CED_LIMIT, len(inside) / len(errors))]


def prediction(results: Path) -> Chart:
    """Latency of whole nets, the table's sum against what was measured."""
    nets = [
        (net["predicted_ms"], net["median"])
        for net in read_json(results / "bench/latency.json")["nets"]
    ]
    low, high = span([value for net in nets for value in net])
    labels = [f"{predicted:.3f} predicted, {measured:.3f} ms" for predicted, measured in nets]
    shown = [
        Series("predicted = measured", [(low, low), (high, high)], "quiet"),
        Series("sampled nets", nets[1:], "c0", "dots", labels[1:], legend=len(nets) > 1),
        Series("exported net", nets[:1], "c1", "dots", labels[:1]),
    ]
    sides = Axis("predicted by the table, ms", low, high), Axis("ms", low, high)
    return chart("measured against predicted latency", *sides, shown)
