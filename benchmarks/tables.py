"""Does a latency table repeat? Each engine's is measured twice; rank correlation layer by layer.

The engines are those that are installed. Leave the machine alone meanwhile. With --kit FILE
onnxruntime's table is also held against FILE, as `fbnet import` makes it from a kit's results. With
--web the pages of `fbnet web` measure it twice in a Chromium here, with one thread, with two, and
beside processes that keep two cores busy, and onnxruntime's is held against theirs. `table`
writes docs/device.md.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.core import DOCS, Benchmark, Summary
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import table
from fbnet.engines import ENGINES

POINTS = 106
KIT = "onnxruntime-kit"
WEB, NATIVE = "onnxruntime-web", "onnxruntime-web-against-onnxruntime"
IN_PAGE = {
    WEB: {},
    "onnxruntime-web-2-threads": {"threads": 2},
    "onnxruntime-web-busy": {"busy": 2},
}
"""Measurements in a page, and what is particular: threads, processes that keep cores busy."""
NAMES = {
    KIT: "onnxruntime, kit",
    WEB: "onnxruntime-web, Chromium",
    "onnxruntime-web-2-threads": "the same, two threads",
    "onnxruntime-web-busy": "the same, beside two busy processes",
    NATIVE: "onnxruntime, against Chromium's",
}
"""How docs/device.md calls the tables that no engine's name does."""


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """A job for each engine, and one for the kit's table where there is one."""
    from fbnet.files import digest

    space = {"space": "nni", "points": POINTS}
    declared = [
        Job(engine, {"engine": engine, **space}, repeat) for engine in ENGINES if runs(engine)
    ]
    if given.kit:
        setting = {"engine": "onnxruntime", **space, "kit": digest(given.kit)}
        declared.append(Job(KIT, setting, against_kit, given.kit))
    if given.web:
        declared += [
            Job(name, {"engine": WEB, **space, **particular}, in_browser)
            for name, particular in IN_PAGE.items()
        ]
        declared.append(Job(NATIVE, {"engine": "onnxruntime", **space}, against_browser))
    return declared


def runs(engine: str) -> bool:
    """Whether an engine can be timed here."""
    return ENGINES[engine].installed and ENGINES[engine].runs_here


def repeat(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Two tables of the engine, one after the other, and the seconds that each took."""
    pairs = [_measure(job.setting["engine"]) for _ in range(2)]
    tables, seconds = zip(*pairs, strict=True)
    return compare(*tables) | {"seconds": list(seconds)}


def against_kit(job: Job, ledger: Ledger) -> dict[str, Any]:
    """A table of the engine against the kit's."""
    from fbnet.files import read_json

    return compare(_measure(job.setting["engine"])[0], read_json(job.inputs))


def in_browser(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Two tables that the page of measurement makes, one after the other, loading included."""
    given = {key: job.setting[key] for key in ("threads", "busy") if key in job.setting}
    tables, seconds = browser_tables(2, **given)
    figures = {"seconds": seconds, "mape": [costs["mape"] for costs in tables]}
    return compare(*tables) | figures | {"table": tables[0]}


def against_browser(job: Job, ledger: Ledger) -> dict[str, Any]:
    """A table of the engine against the browser's: their orders, and the ratio of each entry."""
    in_page, here = ledger.results()[WEB]["table"], _measure(job.setting["engine"])[0]
    ratios = {
        f"{layer} {name}": block["median"] / here["layers"][layer]["blocks"][name]["median"]
        for layer, costs in enumerate(in_page["layers"])
        for name, block in costs["blocks"].items()
    }
    return compare(here, in_page) | {"ratios": ratios, "table": here}


def browser_tables(
    count: int, threads: int = 1, busy: int = 0
) -> tuple[list[dict[str, Any]], list[float]]:
    """Tables of NNI's space from the pages in a headless Chromium, and the seconds of each.

    busy: processes that compute without end meanwhile.
    """
    from fbnet.files import read_json
    from fbnet.web.measured import take
    from fbnet.web.site import KIT as PART
    from tools.pages import measure, shown, site

    tables, seconds = [], []
    with site() as folder, TemporaryDirectory() as sent:

        def keep(text: str) -> dict[str, Any]:
            answer = take(text, folder / PART, Path(sent))
            tables.append(read_json(answer["table"]))
            return answer

        with shown(folder, keep) as (page, address), _busy(busy):
            for _ in range(count):
                seconds.append(measure(page, address, threads))
                page.run("document.getElementById('send').click()")
                page.wait("document.getElementById('status').textContent.startsWith('Sent')")
    return tables, seconds


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """So many processes that compute until the block ends."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


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
    shown = {name: results[name] for name in (*ENGINES, KIT, *IN_PAGE, NATIVE) if name in results}
    rows = [
        {
            "table": NAMES.get(name, name),
            "Spearman by layer": ", ".join(f"{value:.3f}" for value in figures["spearman"]),
            "entries differ by": _difference(figures),
            "seconds": ", ".join(f"{value:.0f}" for value in figures.get("seconds", [])),
            "off by on whole nets": ", ".join(f"{value:.1%}" for value in figures.get("mape", [])),
        }
        for name, figures in shown.items()
    ]
    brief = {
        name: {key: value for key, value in figures.items() if key != "table"}
        for name, figures in shown.items()
    }
    return Summary(brief, {DOCS / "device.md": {"tables": table(rows)}})


def _difference(figures: Mapping[str, Any]) -> str:
    """By how much entries differ, or the least and the largest factor between two engines."""
    if "ratios" not in figures:
        return f"{figures['difference']:.1%}"
    ratios = figures["ratios"].values()
    return f"factors {min(ratios):.1f} to {max(ratios):.1f}"


def options(parser: argparse.ArgumentParser) -> None:
    """The kit's table, and the browser's."""
    parser.add_argument("--kit", type=Path, metavar="FILE", help="another table of the same engine")
    parser.add_argument("--web", action="store_true", help="a browser's table too")


BENCHMARK = Benchmark("tables", __doc__, jobs, summary, options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
