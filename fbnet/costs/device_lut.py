"""A latency table that was measured elsewhere: read, and checked against the space."""

from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from fbnet.costs.lut import Lut, cost_range, from_table
from fbnet.costs.macs import count_block
from fbnet.costs.nni_lut import LARGEST_TABLE, from_nni_npy, from_nni_txt
from fbnet.engines import ENGINES
from fbnet.errors import BadInput, listed
from fbnet.files import csv_rows, number, read_json, validated
from fbnet.nets.pfld import Slot, slots
from fbnet.params import LutParams, SpaceParams
from fbnet.progress import say

MS_PER = {"us": 1e-3, "ms": 1.0}
OUTLYING = 5.0
"""How many times the table's median, in cost and in cost per MAC, is too far to believe."""
FASTEST_MS, FASTEST_MACS_PER_MS = 0.005, 5e8
"""A table whose median entry takes less than the one, and computes more than the other in a
millisecond, is of no device: a processor's core does not compute so fast, and what does takes
longer to start a block."""
LARGEST_FIXED = 1e3
"""How many times the costliest choice of blocks the fixed part is too large to believe."""
ENGINE = "file"
"""Engine of a table that does not say in which it was measured."""
MOST_LAYERS = 1024
"""Layers that a CSV table may number."""
FIXED = "fixed"
"""Layer of a CSV table's row that is the fixed part."""


def device_table(
    space: SpaceParams, points: int | None, params: LutParams, size: int
) -> dict[str, Any]:
    """The table of `params.file` in the form of `latency_table`.

    points: landmarks of the faces; None where they are not known yet, and any table's will do.
    Raises one BadInput that names the missing, impossible and outlying entries. Entries that the
    space has no use for are named in a line and left as they are: a table may serve several spaces.
    """
    path = Path(params.file)
    readers = {".json": _from_json, ".csv": _from_csv, ".txt": _from_nni, ".npy": _from_nni}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise BadInput(f"lut.file: {path}: give one of {', '.join(readers)}")
    table = readers[suffix](path, space, points, params, size)
    table = table | {"engine": table.get("engine") or ENGINE}
    lut = from_table(table, space, path)
    if lut.unit != "ms" or lut.size != size:
        raise BadInput(
            f"{path}: unit {lut.unit}, input size {lut.size}; give a table in ms for {size}"
        )
    own = table.get("points")
    if None not in (own, points) and validated(int, own, f"{path}: points") != points:
        raise BadInput(
            f"{path}: of nets with {own} points, the faces have {points}; measure the "
            f"fixed part for these (fbnet kit --points {points})"
        )
    batch, engine = table.get("protocol", {}).get("batch", 1), table["engine"]
    most = ENGINES[engine].max_batch if engine in ENGINES else None
    if most is not None and batch > most:
        raise BadInput(
            f"{path}: protocol.batch is {batch}; {engine} takes at most {most} in a call"
        )
    layers = slots(space, size)
    if faults := [*outliers(lut, layers), *impossible(lut, layers)]:
        raise listed(faults)
    if unused := unused_entries(table, layers):
        say(f"{path}: not in the space, so not used: {', '.join(unused)}")
    return table


def _from_json(
    path: Path, space: SpaceParams, points: int | None, params: LutParams, size: int
) -> dict[str, Any]:
    return validated(dict[str, Any], read_json(path, LARGEST_TABLE), str(path))


def _from_csv(
    path: Path, space: SpaceParams, points: int | None, params: LutParams, size: int
) -> dict[str, Any]:
    """The rows `layer,block,ms` (or `us`), layers from 0; one of layer `fixed` for the rest."""
    rows = [
        (where, {name.lower(): cell.strip() for name, cell in row.items()})
        for where, row in csv_rows(path, LARGEST_TABLE)
    ]
    unit = next((unit for unit in MS_PER if rows and unit in rows[0][1]), None)
    if unit is None or not {"layer", "block"} <= set(rows[0][1]):
        raise BadInput(f"{path}:1: needs the headings layer, block and ms (or us), and rows")
    fixed: float | None = None
    entries, faults = dict[tuple[int, str], float](), []
    for where, row in rows:
        try:
            cost = number(row[unit], f"{where}: {unit}") * MS_PER[unit]
            if row["layer"].lower() == FIXED:
                if fixed not in (None, cost):
                    raise BadInput(f"{where}: {FIXED} has another cost further up; keep one")
                fixed = cost
                continue
            if not row["layer"].isdecimal() or int(row["layer"]) >= MOST_LAYERS:
                raise BadInput(f"{where}: layer is {row['layer']!r}; write 0, 1, ... or {FIXED}")
            if entries.setdefault((int(row["layer"]), row["block"]), cost) != cost:
                raise BadInput(f"{where}: block {row['block']} has another cost further up")
        except BadInput as fault:
            faults.append(str(fault))
    if faults:
        raise listed(faults)
    if not entries:
        raise BadInput(f"{path}:1: holds no block's cost; give rows of layer,block,{unit}")
    if fixed is None:
        fixed = params.file_fixed_ms
    shapes = [slot.shape() for slot in slots(space, size)]
    shapes += [{} for _ in range(max(layer for layer, _ in entries) + 1 - len(shapes))]
    layers = [
        shape | {"blocks": {b: {"median": c} for (at, b), c in entries.items() if at == i}}
        for i, shape in enumerate(shapes)
    ]
    return _table(layers, fixed, points, size)


def _from_nni(
    path: Path, space: SpaceParams, points: int | None, params: LutParams, size: int
) -> dict[str, Any]:
    read = from_nni_txt if path.suffix.lower() == ".txt" else from_nni_npy
    lut = read(path, slots(space, size), params.file_unit)
    scale = MS_PER[params.file_unit]
    layers = [
        slot.shape() | {"blocks": {b: {"median": cost * scale} for b, cost in costs.items()}}
        for slot, costs in zip(slots(space, size), lut.layers, strict=True)
    ]
    return _table(layers, params.file_fixed_ms, points, size)


def _table(
    layers: list[dict[str, Any]], fixed: float, points: int | None, size: int
) -> dict[str, Any]:
    shape = {"unit": "ms", "points": points, "size": size}
    return shape | {"layers": layers, "fixed": {"median": fixed, "references": []}}


def impossible(lut: Lut, layers: tuple[Slot, ...]) -> list[str]:
    """What shows that a table in ms has a wrong unit or fixed part, one sentence each."""
    costs = [c for layer in lut.layers for c in layer.values() if c > 0]
    speeds = [
        _count(slot, block).macs / cost
        for slot, layer in zip(layers, lut.layers, strict=True)
        for block, cost in layer.items()
        if cost > 0
    ]
    faults = []
    if costs and median(costs) < FASTEST_MS and median(speeds) > FASTEST_MACS_PER_MS:
        faults.append(
            f"{lut.source}: the median entry takes {median(costs):.3g} ms, {median(speeds):.3g} "
            "MACs in a millisecond: no device does. Are these ms taken for us (lut.file_unit: "
            "ms), or seconds?"
        )
    if lut.fixed > LARGEST_FIXED * (cost_range(lut)[1] - lut.fixed):
        faults.append(
            f"{lut.source}: the fixed part of {lut.fixed:.3g} ms is over {LARGEST_FIXED:g} times "
            "the costliest choice of blocks; measure it again"
        )
    return faults


def outliers(lut: Lut, layers: tuple[Slot, ...]) -> list[str]:
    """Entries too far from the rest to believe, one sentence each.

    An entry is an outlier when its cost and its cost per MAC are both more than OUTLYING times the
    table's median, or both less than a share 1/OUTLYING of it. Devices differ in which of the two
    is even: where calls dominate all blocks cost alike, where arithmetic does all MACs do. Both
    are even enough in the tables of the engines here (within 3 times).
    """
    costs = {(i, b): c for i, layer in enumerate(lut.layers) for b, c in layer.items() if c > 0}
    macs = {(i, b): _count(layers[i], b).macs for i, b in costs}
    rates = {key: cost / macs[key] for key, cost in costs.items() if macs[key]}
    usual, usual_rate = (median(v.values()) if v else 1.0 for v in (costs, rates))
    faults = []
    for (i, block), rate in rates.items():
        times, rate_times = costs[i, block] / usual, rate / usual_rate
        if min(times, rate_times) > OUTLYING or max(times, rate_times) < 1 / OUTLYING:
            faults.append(
                f"{lut.source}: layer {i}, block {block}: cost {costs[i, block]:.4g} {lut.unit} is "
                f"{times:.3g} times the table's median and {rate_times:.3g} times by MACs; "
                "measure it again"
            )
    return faults


_count = cache(count_block)


def unused_entries(table: dict[str, Any], layers: tuple[Slot, ...]) -> list[str]:
    """Entries of a table that the space does not have, as `layer N: block`."""
    known = [set(slot.blocks) for slot in layers]
    return [
        f"layer {i}: {block}"
        for i, layer in enumerate(table["layers"])
        for block in layer["blocks"]
        if i >= len(known) or block not in known[i]
    ]
