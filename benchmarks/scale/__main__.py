"""What a unit of work costs, and what large works cost by that: python -m benchmarks.scale.

`units` counts seconds of one core's own clock, which other programs hardly disturb. `processes`
compares a search step of two processes with one, by the clock on the wall: leave the machine alone
meanwhile. `faces/*` prepares very many small photographs. `table` writes docs/scale.md.
"""

import argparse
import sys
from typing import Any

from benchmarks.core import DOCS, Benchmark, Summary
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import table
from benchmarks.scale import SETTINGS, UNITS, WORKS

PAGE = DOCS / "scale.md"
NONE = "Not recorded yet."


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """One for each of SETTINGS."""
    from benchmarks.scale import work

    works = {"units": work.units, "processes": work.processes, "faces": work.many_faces}
    return [Job(name, setting, works[name.partition("/")[0]]) for name, setting in SETTINGS.items()]


def summary(ledger: Ledger) -> Summary:
    """The page's tables from the records there are."""
    results = ledger.results()
    sections = dict.fromkeys(("units", "works", "faces", "processes"), NONE)
    if units := results.get("units"):
        seconds = units["seconds"]
        rows = [
            {"unit": UNITS[name], "ms of a core": f"{1e3 * seconds[name]:.2f}"} for name in UNITS
        ]
        sections |= {"units": table(rows), "works": table(_works(seconds))}
    if faces := [record for name in SETTINGS if "kept" in (record := results.get(name, {}))]:
        sections["faces"] = table([_faces(record) for record in faces])
    if processes := results.get("processes"):
        rates = processes["faces_per_second"]
        row = {"one process": rates["1"], "two processes": rates["2"]}
        cells = {name: f"{rate:.0f} faces/s" for name, rate in row.items()}
        sections["processes"] = table([cells | {"ratio": f"{rates['2'] / rates['1']:.2f}"}])
    return Summary(results, {PAGE: sections})


def _works(seconds: dict[str, float]) -> list[dict[str, str]]:
    rows = []
    for name, needs in WORKS.values():
        hours = sum(seconds[unit] * count for unit, count in needs.items()) / 3600
        shown = f"{hours:,.0f}" if hours >= 1 else f"{hours:.1f}"
        rows.append({"work": name, "core-hours": shown, "on 64 cores": f"{hours / 64:,.1f} h"})
    return rows


def _faces(record: dict[str, Any]) -> dict[str, str]:
    kept = record["kept"]
    return {
        "photographs": f"{kept:,}",
        "ms of a core each": f"{1e3 * record['core_seconds'] / kept:.2f}",
        "peak memory": f"{record['peak_bytes'] / 2**20:,.0f} MB",
        "on disk": f"{record['stored_bytes'] / 2**30:.1f} GB",
    }


BENCHMARK = Benchmark("scale", __doc__, jobs, summary)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
