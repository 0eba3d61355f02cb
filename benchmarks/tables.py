"""Does a latency table repeat? Each engine's is measured twice; rank correlation layer by layer.

Leave the machine alone meanwhile. With --kit FILE onnxruntime's table is also held against
FILE, as `fbnet import` makes it from a kit's results. `table` writes docs/device.md.
"""

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.core import DOCS, Benchmark, Summary
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import table
from fbnet.engines import ENGINES

POINTS = 106
KIT = "onnxruntime-kit"


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """A job for each engine, and one for the kit's table where there is one."""
    from fbnet.files import digest

    space = {"space": "nni", "points": POINTS}
    declared = [Job(engine, {"engine": engine, **space}, repeat) for engine in ENGINES]
    if given.kit:
        setting = {"engine": "onnxruntime", **space, "kit": digest(given.kit)}
        declared.append(Job(KIT, setting, against_kit, given.kit))
    return declared


def repeat(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Two tables of the engine, one after the other, and the seconds that each took."""
    pairs = [_measure(job.setting["engine"]) for _ in range(2)]
    tables, seconds = zip(*pairs, strict=True)
    return compare(*tables) | {"seconds": list(seconds)}


def against_kit(job: Job, ledger: Ledger) -> dict[str, Any]:
    """A table of the engine against the kit's."""
    from fbnet.files import read_json

    return compare(_measure(job.setting["engine"])[0], read_json(job.inputs))


def _measure(engine: str) -> tuple[dict[str, Any], float]:
    """A table of NNI's space, and the seconds that it took."""
    from fbnet.costs.measure import latency_table
    from fbnet.params import NNI_SPACE, LutParams

    start = time.perf_counter()
    costs = latency_table(NNI_SPACE, POINTS, LutParams.checked({"engine": engine}, "engine"))
    return costs, time.perf_counter() - start


def compare(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Spearman of each layer's costs, and by how much entries differ on average, as a share."""
    from scipy.stats import spearmanr

    pairs = [
        [(block["median"], b["blocks"][name]["median"]) for name, block in a["blocks"].items()]
        for a, b in zip(one["layers"], other["layers"], strict=True)
    ]
    return {
        "spearman": [float(spearmanr(*zip(*layer, strict=True)).statistic) for layer in pairs],
        "difference": fmean(abs(b / a - 1) for layer in pairs for a, b in layer),
    }


def summary(ledger: Ledger) -> Summary:
    """The figures of each engine, and the table of docs/device.md."""
    results = ledger.results()
    shown = {name: results[name] for name in (*ENGINES, KIT) if name in results}
    rows = [
        {
            "table": name.replace("-", ", "),
            "Spearman by layer": ", ".join(f"{value:.3f}" for value in figures["spearman"]),
            "entries differ by": f"{figures['difference']:.1%}",
            "seconds": ", ".join(f"{value:.0f}" for value in figures.get("seconds", [])),
        }
        for name, figures in shown.items()
    ]
    return Summary(shown, {DOCS / "device.md": {"tables": table(rows)}})


def options(parser: argparse.ArgumentParser) -> None:
    """The kit's table."""
    parser.add_argument("--kit", type=Path, metavar="FILE", help="another table of the same engine")


BENCHMARK = Benchmark("tables", __doc__, jobs, summary, options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
