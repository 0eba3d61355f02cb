"""Does a latency table repeat? Each engine's is measured twice; rank correlation layer by layer.

Leave the machine alone meanwhile. Writes tables.json beside this file and the table in
docs/device.md. With --with FILE the first engine's table is also held against FILE, as `fbnet
import` makes it from a kit's results.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from fbnet.engines import ENGINES

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
POINTS = 106


def main(argv: Sequence[str] | None = None) -> int:
    """Run it. Returns 0 done, 2 bad input."""
    from fbnet.errors import exit_code

    given = _parser().parse_args(argv)
    return exit_code("benchmarks.tables", lambda: run(given))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--engines", nargs="+", choices=[*ENGINES], default=[*ENGINES])
    parser.add_argument("--with", dest="other", type=Path, metavar="FILE", help="another table")
    parser.add_argument("--json", type=Path, default=HERE / "tables.json")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "device.md")
    return parser


def run(given: argparse.Namespace) -> None:
    """Measure, compare, write."""
    from benchmarks.pages import fill
    from fbnet.files import read_json, write_json

    measured = {engine: [_timed(engine) for _ in range(2)] for engine in given.engines}
    found = {
        engine: compared(*(costs for costs, _ in pair)) | {"seconds": [s for _, s in pair]}
        for engine, pair in measured.items()
    }
    if given.other:
        first = measured[given.engines[0]][0][0]
        found[f"{given.engines[0]}, kit"] = compared(first, read_json(given.other))
    write_json(given.json, found)
    fill(given.page, {"tables": markdown(found)})
    print(markdown(found))


def _timed(engine: str) -> tuple[dict[str, Any], float]:
    """A table of the default space, and the seconds that it took."""
    from fbnet.costs.measure import latency_table
    from fbnet.params import NNI_SPACE, LutParams

    start = time.perf_counter()
    table = latency_table(NNI_SPACE, POINTS, LutParams.checked({"engine": engine}, "engine"))
    return table, time.perf_counter() - start


def compared(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
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


def markdown(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures as a table."""
    from benchmarks.pages import table

    rows = []
    for name, figures in found.items():
        layers = ", ".join(f"{value:.3f}" for value in figures["spearman"])
        seconds = ", ".join(f"{value:.0f}" for value in figures.get("seconds", []))
        rows.append([name, layers, f"{figures['difference']:.1%}", seconds])
    return table(["table", "Spearman by layer", "entries differ by", "seconds"], rows)


if __name__ == "__main__":
    sys.exit(main())
