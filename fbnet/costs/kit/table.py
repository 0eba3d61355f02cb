"""From the results of a kit to a latency table, with all that is wrong in them named."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from fbnet.costs.imported import outlying
from fbnet.costs.kit.manifest import Contents, read_contents
from fbnet.costs.kit.outputs import Results, read_results
from fbnet.costs.latency import FLOOR_MS, assembled
from fbnet.costs.lut import FREE_BLOCKS, cost_of, from_table
from fbnet.costs.timing import Timing
from fbnet.errors import BadInput, listed
from fbnet.nets.pfld import slots


def table_of(results: Path, kit: Path) -> dict[str, Any]:
    """The table in the form of latency.json, from a file of results and the kit they belong to.

    The entries and the fixed part are made as in `latency_table`. `mape` is the mean share by
    which the sums miss the kit's check nets, `checks` lists these. One BadInput names every model
    that is missing, unknown or without a positive latency; else every entry that is not above its
    neighbours' cost, or outlying.
    """
    contents, identity = read_contents(kit)
    try:
        text = results.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{results}: cannot be read as text ({type(error).__name__})") from None
    found = read_results(text, str(results))
    if found.facts.get("kit", identity) != identity:
        raise BadInput(f"{results}: of kit {found.facts['kit']}, and {kit} is {identity}")
    keys = contents.keys()
    if faults := _faults(found.times, keys, str(results)):
        raise listed(faults)
    times = {key: found.times[name] for name, key in keys.items()}
    return _checked(_table(contents, times, found), contents, times, str(results))


def _faults(times: Mapping[str, Timing], keys: Mapping[str, Hashable], where: str) -> list[str]:
    missing = [f"{where}: model {name}: not measured" for name in keys if name not in times]
    extra = [f"{where}: model {name}: not of this kit" for name in times if name not in keys]
    wrong = [
        f"{where}: model {name}: latency {timing.median} ms; must be a positive number"
        for name, timing in times.items()
        if not (timing.median > 0 and math.isfinite(timing.median))
    ]
    return missing + extra + wrong


def _table(contents: Contents, times: Mapping[Any, Timing], found: Results) -> dict[str, Any]:
    made = assembled(times, slots(contents.space, contents.size), contents.references)
    told: dict[str, Any] = {
        name: found.facts[name] for name in ("engine", "version", "cpu") if name in found.facts
    }
    protocol = {
        "threads": int(found.facts.get("threads", 1)),
        "batch": 1,
        "program": found.facts.get("program", "run.py"),
    }
    return {**made, "points": contents.points, "size": contents.size, **told, "protocol": protocol}


def _checked(
    table: dict[str, Any], contents: Contents, times: Mapping[Any, Timing], where: str
) -> dict[str, Any]:
    """The table with its own error; raises one BadInput for all entries not to be believed."""
    lut = from_table(table, contents.space, where)
    flat = [
        f"{where}: layer {i}, block {block}: no dearer than its neighbours alone; the timing is "
        "too coarse or too noisy: raise the loops"
        for i, layer in enumerate(lut.layers)
        for block, cost in layer.items()
        if cost <= FLOOR_MS and block not in FREE_BLOCKS
    ]
    if faults := flat or outlying(lut, slots(contents.space, contents.size)):
        raise listed(faults)
    checks = [
        {"choice": list(choice), "predicted": cost_of(lut, choice), **asdict(times[choice])}
        for choice in contents.checks
    ]
    if not checks:
        return table
    misses = [abs(net["predicted"] - net["median"]) / net["median"] for net in checks]
    return table | {"checks": checks, "mape": fmean(misses)}
