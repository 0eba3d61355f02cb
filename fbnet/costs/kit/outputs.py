"""Reads what times a kit's models: the runner's CSV, and the output of benchmark programs."""

import csv
import io
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import PurePosixPath
from typing import Any

from fbnet.costs.timing import Timing
from fbnet.errors import BadInput, listed

NUMBER = r"([-+\d.eE]+|nan|inf|-nan|-inf)"


@dataclass(frozen=True)
class Program:
    """How one benchmark program tells a model's latency."""

    engine: str
    pattern: str
    """Of a line; its last group is the latency."""
    named: bool = False
    """Whether the line's first group is the model's file; else a line `# model NAME` precedes."""
    to_ms: float = 1.0


PROGRAMS = {
    "benchmark.out": Program(
        "mnn",
        rf"^\[ - \]\s+(\S+)\s+max =\s*\S+\s*ms\s+min =\s*\S+\s*ms\s+avg =\s*{NUMBER}\s*ms",
        named=True,
    ),
    "MNNV2Basic.out": Program("mnn", rf"^Avg=\s*{NUMBER} ms"),
    "benchncnn": Program(
        "ncnn", rf"^\s*(\S+)\s+min =\s*\S+\s+max =\s*\S+\s+avg =\s*{NUMBER}\s*$", named=True
    ),
    "onnxruntime_perf_test": Program(
        "onnxruntime", rf"^P50 Latency(?: is|:) {NUMBER} s(?:ec)?\s*$", to_ms=1e3
    ),
    "onnxruntime_perf_test without -s": Program(
        "onnxruntime", rf"^Average inference time cost(?: total)?: *{NUMBER} ms"
    ),
}
"""By name. Medians are taken where a program prints them, averages where it does not."""


@dataclass(frozen=True)
class Results:
    """Latencies by model name, and what is known of how they were made."""

    times: dict[str, Timing]
    facts: dict[str, str] = field(default_factory=dict)
    """engine, and where stated version, cpu, threads, kit, program."""


def read_results(text: str, where: str) -> Results:
    """Read the runner's CSV or a program's output. `where` is the file's name, for messages.

    A model that was run several times gets the median over its runs. Raises BadInput naming the
    lines at fault, or for a text that holds no latency.
    """
    return _read_csv(text, where) if text.startswith("name,") else _read_output(text, where)


def _read_csv(text: str, where: str) -> Results:
    times: dict[str, Timing] = {}
    faults, facts = [], {}
    for line, row in enumerate(csv.DictReader(io.StringIO(text)), start=2):
        try:
            timing = Timing(**{f.name: _number(row[f.name]) for f in fields(Timing)})
            name = row["name"]
        except (KeyError, TypeError, ValueError):
            faults.append(f"{where}:{line}: not a row of the runner's results.csv")
            continue
        if name in times:
            faults.append(f"{where}:{line}: model {name} occurs twice")
        times[name] = timing
        facts = {k: row[k] for k in ("engine", "version", "cpu", "threads", "kit") if row.get(k)}
    if faults or not times:
        raise listed(faults or [f"{where}: holds no row; run the kit again"])
    return Results(times, facts)


def _number(text: Any) -> Any:
    return int(text) if str(text).isdigit() else float(text)


def _read_output(text: str, where: str) -> Results:
    facts = dict(re.findall(r"^# (kit|program|cpu|version|threads) (.*\S)\s*$", text, re.M))
    for name, program in PROGRAMS.items():
        found = list(_named(text, program) if program.named else _marked(text, program))
        if found:
            facts = {"program": name.split()[0], "engine": program.engine} | facts
            return Results(_medians(found), facts)
    programs = ", ".join(name for name in PROGRAMS if " " not in name)
    raise BadInput(f"{where}: no latency in it; give the runner's CSV or the output of {programs}")


def _named(text: str, program: Program) -> Iterator[tuple[str, float]]:
    for file, value in re.findall(program.pattern, text, re.M):
        yield PurePosixPath(file).stem, float(value) * program.to_ms


def _marked(text: str, program: Program) -> Iterator[tuple[str, float]]:
    _, *parts = re.split(r"^# model (\S+)\s*$", text, flags=re.M)
    for name, said in zip(parts[::2], parts[1::2], strict=True):
        if match := re.search(program.pattern, said, re.M):
            yield name, float(match[1]) * program.to_ms


def _medians(found: list[tuple[str, float]]) -> dict[str, Timing]:
    samples: dict[str, list[float]] = {}
    for name, value in found:
        samples.setdefault(name, []).append(value)
    return {name: _timing(values) for name, values in samples.items()}


def _timing(values: list[float]) -> Timing:
    """As `Timing.of`, also of values that are no latency: those are named later, with the model."""
    if statistics.median(values) > 0:
        return Timing.of(values)
    return Timing(len(values), min(values), statistics.median(values), values[0], 0.0, 0.0)
