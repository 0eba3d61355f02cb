"""From what timed a kit's models to a latency table, with all that is wrong in it named.

The runner's CSV is read, and the output of the engines' benchmark programs.
"""

import re
import statistics
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

from fbnet.costs.device_lut import outliers
from fbnet.costs.kit.contents import Contents, read_contents
from fbnet.costs.latency_model import FLOOR_MS, table_from_timings
from fbnet.costs.lut import FREE_BLOCKS, cost_of, from_table
from fbnet.costs.timing import Timing
from fbnet.engines import ENGINES, BenchmarkProgram
from fbnet.errors import BadInput, listed
from fbnet.files import number, parse_csv, printable, read_text
from fbnet.nets.pfld import slots
from fbnet.progress import say

CSV = re.compile(r"(sep=.\n)?\"?name\"?\s*[,;\t]", re.IGNORECASE)
"""How the runner's results.csv starts, spreadsheets' forms of it included."""
FIGURES = fields(Timing)
FACTS = ("engine", "version", "cpu", "threads", "kit", "program")
"""Columns of the CSV that tell how it was measured, the same in all rows."""
LEAST = {"n": 1, "std": 0, "ci": 0}
"""Least value of a figure; a latency that is not positive is named later, with its model."""
LARGEST_FIGURE = 1e12
"""Beyond it no figure was measured: 30 years, in ms."""
VAGUE = 0.2
"""Interval of a median, as its share, from which on `table_of` warns."""
DIGITS = 4
"""Digits that a number of threads may have."""
LARGEST_RESULTS = 32 * 2**20
"""Bytes that results may have."""


@dataclass(frozen=True)
class Results:
    """Latencies by model name, and what is known of how they were measured."""

    times: dict[str, Timing]
    facts: dict[str, str] = field(default_factory=dict)
    """engine, and where stated version, cpu, threads, kit, program."""


def table_of(results: Path, kit: Path) -> dict[str, Any]:
    """The table in the form of `measure.latency_table`, from results and the kit they belong to.

    `mape` is the mean share by which the sums miss the kit's check nets, `checks` lists these. One
    BadInput names every model that is missing, unknown or without a positive latency; else every
    entry that is not above its neighbours' cost, or an outlier. Medians that are known badly
    are warned of.
    """
    contents, identity = read_contents(kit)
    measured = read_results(read_text(results, LARGEST_RESULTS), printable(results))
    if measured.facts.get("kit", identity) != identity:
        raise BadInput(f"{results}: of kit {measured.facts['kit']}, and {kit} is {identity}")
    keys = contents.keys()
    if faults := _faults(measured.times, keys, str(results)):
        raise listed(faults)
    if warning := _warning(measured.times, printable(results)):
        say(warning)
    times = {key: measured.times[name] for name, key in keys.items()}
    return _checked(_table(contents, times, measured.facts), contents, times, str(results))


def _faults(times: Mapping[str, Timing], keys: Mapping[str, Hashable], where: str) -> list[str]:
    missing = [f"{where}: model {name}: not measured" for name in keys if name not in times]
    extra = [f"{where}: model {name}: not of this kit" for name in times if name not in keys]
    wrong = [
        f"{where}: model {name}: latency {timing.median:g} ms; must be a positive number"
        for name, timing in times.items()
        if not 0 < timing.median < LARGEST_FIGURE
    ]
    return missing + extra + wrong


def _warning(times: Mapping[str, Timing], where: str) -> str:
    """A line about the median that is known worst, or "" where all are known well enough."""
    name, widest = max(times.items(), key=lambda item: item[1].ci)
    if widest.ci <= VAGUE:
        return ""
    return (
        f"warning: {where}: medians are known to +-{widest.ci:.0%} at worst ({name}); measure "
        "again on a device at rest, or for longer"
    )


def _table(
    contents: Contents, times: Mapping[Any, Timing], facts: Mapping[str, str]
) -> dict[str, Any]:
    protocol = {
        "threads": int(facts.get("threads", 1)),
        "batch": 1,
        "program": facts.get("program", "run.py"),
    }
    return {
        **table_from_timings(times, slots(contents.space, contents.size), contents.references),
        "points": contents.points,
        "size": contents.size,
        **{name: facts[name] for name in ("engine", "version", "cpu") if name in facts},
        "protocol": protocol,
    }


def _checked(
    table: dict[str, Any], contents: Contents, times: Mapping[Any, Timing], where: str
) -> dict[str, Any]:
    """The table with its own error; raises one BadInput for all entries not to be believed."""
    lut = from_table(table, contents.space, where)
    flat = [
        f"{where}: layer {i}, block {block}: no costlier than its neighbours alone; the timing is "
        "too coarse or too noisy: raise the loops"
        for i, layer in enumerate(lut.layers)
        for block, cost in layer.items()
        if cost <= FLOOR_MS and block not in FREE_BLOCKS
    ]
    if faults := flat or outliers(lut, slots(contents.space, contents.size)):
        raise listed(faults)
    checks = [
        {"choice": list(choice), "predicted": cost_of(lut, choice), **asdict(times[choice])}
        for choice in contents.checks
    ]
    if not checks:
        return table
    misses = [abs(net["predicted"] - net["median"]) / net["median"] for net in checks]
    return table | {"checks": checks, "mape": statistics.fmean(misses)}


def read_results(text: str, where: str) -> Results:
    """Read the runner's CSV or a program's output. `where` is the file's name, for messages.

    A model that was run several times gets the median over its runs. Raises BadInput naming the
    lines at fault, or for a text that holds no latency.
    """
    return _read_csv(text, where) if CSV.match(text) else _read_output(text, where)


def _read_csv(text: str, where: str) -> Results:
    times: dict[str, Timing] = {}
    faults: list[str] = []
    facts: dict[str, str] = {}
    for line, cased in parse_csv(text, where):
        row = {heading.lower(): cell for heading, cell in cased.items()}
        try:
            cells = {f.name: number(row.get(f.name, ""), f"{line}: {f.name}") for f in FIGURES}
        except BadInput as fault:
            faults.append(f"{fault} (not a row of the runner's results.csv)")
            continue
        faults += [
            f"{line}: {figure} is {row[figure][:40]!r}; must be {least} or more"
            for figure, least in LEAST.items()
            if cells[figure] < least
        ]
        faults += [
            f"{line}: {figure} is {row[figure][:40]!r}; no measurement gives that"
            for figure, value in cells.items()
            if value >= LARGEST_FIGURE
        ]
        if not cells["n"].is_integer():
            faults.append(f"{line}: n is {row['n'][:40]!r}; must be a whole number")
        name = row.get("name", "")
        if name in times:
            faults.append(f"{line}: model {name} occurs twice")
        times[name] = Timing(int(cells.pop("n")), **cells)
        stated = [(name, row[name]) for name in FACTS if row.get(name)]
        faults += _contradictions([*facts.items(), *stated], line)
        facts |= dict(stated)
    faults += _threads_faults(facts, where)
    if faults or not times:
        raise listed(faults or [f"{where}: holds no row; run the kit again"])
    return Results(times, facts)


def _contradictions(stated: Iterable[tuple[str, str]], where: str) -> list[str]:
    """Facts that are stated with two values: measurements that do not belong together."""
    values: dict[str, list[str]] = {}
    for name, value in stated:
        values.setdefault(name, []).append(value[:40])
    return [
        f"{where}: {name} is {first!r} and {other!r}; import one measurement at a time"
        for name, (first, *rest) in values.items()
        for other in sorted({*rest} - {first})[:1]
    ]


def _threads_faults(facts: Mapping[str, str], where: str) -> list[str]:
    """What is wrong with the number of threads."""
    threads = facts.get("threads", "1")
    if threads.isdecimal() and len(threads) <= DIGITS and int(threads) > 0:
        return []
    return [f"{where}: threads is {threads[:40]!r}; must be a whole number from 1 on"]


def _read_output(text: str, where: str) -> Results:
    stated = re.findall(r"^# (kit|program|cpu|version|threads) (.*\S)\s*$", text, re.M)
    if faults := _contradictions(stated, where):
        raise listed(faults)
    facts = dict(stated)
    programs = [(engine, program) for engine in ENGINES.values() for program in engine.programs]
    for engine, program in programs:
        samples: dict[str, list[float]] = {}
        for name, latency in _latencies(text, program, where):
            samples.setdefault(name, []).append(latency)
        if samples:
            if faults := _threads_faults(facts, where):
                raise listed(faults)
            facts = {"program": program.name, "engine": program.times or engine.name} | facts
            return Results({name: _timing(values) for name, values in samples.items()}, facts)
    names = ", ".join(program.name for _, program in programs)
    raise BadInput(f"{where}: no latency in it; give the runner's CSV or the output of {names}")


def _latencies(text: str, program: BenchmarkProgram, where: str) -> Iterator[tuple[str, float]]:
    """Model and latency in ms of each run in its output. Raises BadInput for no finite number."""
    if program.names_models:
        for pattern, to_ms in program.latencies.items():
            for file, latency in re.findall(pattern, text, re.M):
                name = PurePosixPath(file).stem
                yield name, number(latency, f"{where}: latency of {name}") * to_ms
        return
    _, *parts = re.split(r"^# model (\S+)\s*$", text, flags=re.M)
    for name, output in zip(parts[::2], parts[1::2], strict=True):
        for pattern, to_ms in program.latencies.items():
            if match := re.search(pattern, output, re.M):
                latency = number(match[match.re.groups], f"{where}: latency of {name}") * to_ms
                yield name, latency / int(match[1]) if program.sums_runs else latency
                break


def _timing(values: list[float]) -> Timing:
    """As `Timing.of`, also of values that are no latency: those are named later, with the model."""
    if statistics.median(values) > 0:
        return Timing.of(values)
    return Timing(len(values), min(values), statistics.median(values), values[0], 0.0, 0.0)
