"""A latency table that was measured elsewhere: read, and checked against the space."""

from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from fbnet.costs.lut import Lut, from_json
from fbnet.costs.macs import count_block
from fbnet.costs.nni_lut import from_nni_npy, from_nni_txt
from fbnet.errors import BadInput, listed
from fbnet.files import read_json
from fbnet.nets.pfld import Slot, slots
from fbnet.params import LutParams, SpaceParams
from fbnet.progress import say

MS_PER = {"us": 1e-3, "ms": 1.0}
OUTLYING = 5.0
"""How many times the table's median, in cost and in cost per MAC, is too far to believe."""


def device_table(space: SpaceParams, points: int, params: LutParams, size: int) -> dict[str, Any]:
    """The table of `params.file` in the form of `latency_table`.

    Raises one BadInput that names the missing, impossible and outlying entries. Entries that the
    space has no use for are named in a line and left as they are: a table may serve several spaces.
    """
    path = Path(params.file)
    readers = {".json": _from_json, ".txt": _from_nni, ".npy": _from_nni}
    if path.suffix not in readers:
        raise BadInput(f"lut.file: {path}: give a .json, .txt or .npy file")
    table, lut = readers[path.suffix](path, space, points, params, size)
    layers = slots(space, size)
    if faults := outliers(lut, layers):
        raise listed(faults)
    if unused := unused_entries(table, layers):
        say(f"{path}: not in the space, so not used: {', '.join(unused)}")
    return table


def _from_json(
    path: Path, space: SpaceParams, points: int, params: LutParams, size: int
) -> tuple[dict[str, Any], Lut]:
    lut = from_json(path, space)
    if lut.unit != "ms" or lut.size != size:
        raise BadInput(
            f"{path}: unit {lut.unit}, input size {lut.size}; give a table in ms for {size}"
        )
    return read_json(path), lut


def _from_nni(
    path: Path, space: SpaceParams, points: int, params: LutParams, size: int
) -> tuple[dict[str, Any], Lut]:
    read = from_nni_txt if path.suffix == ".txt" else from_nni_npy
    lut = read(path, slots(space, size), params.file_unit)
    scale = MS_PER[params.file_unit]
    layers = [
        slot.shape() | {"blocks": {b: {"median": cost * scale} for b, cost in costs.items()}}
        for slot, costs in zip(slots(space, size), lut.layers, strict=True)
    ]
    shape = {"unit": "ms", "points": points, "size": size, "engine": "file"}
    fixed = {"median": params.file_fixed_ms, "references": []}
    return shape | {"layers": layers, "fixed": fixed}, lut


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
