"""Which rendered faces teach a net about photographs, and how fast they are rendered.

Each trial of trials.csv renders faces, trains one fixed net on them alone, and scores it on a part
of the photographs. The job `rate` times the renderer; the machine should do nothing else. `table`
writes docs/synthetic.md.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.core import Benchmark, head_option
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.synthetic import NETS, PARTS, RATE, read_trials


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """The timing, and the trials whose photographs and first weights are at hand."""
    from benchmarks.synthetic.rate import measure

    timing = Job("rate", RATE, measure, given.data)
    if not given.photographs:
        return [timing]
    # Not before: a process that is started counts its parent's memory, torch's too, as its peak.
    from benchmarks.core.faces import identity, load_faces
    from benchmarks.synthetic.trial import Inputs, run
    from fbnet.files import digest

    photographs = identity(load_faces(given.photographs, ledger.work))
    starts: dict[str, tuple[str, Path | None]] = {"scratch": ("scratch", None)}
    if given.start:
        starts["subnet"] = digest(given.start), given.start
    return [
        Job(
            trial.record,
            {
                "set": trial.changes,
                "net": NETS[trial.net],
                "start": starts[trial.start][0],
                "seed": trial.seed,
                "faces": trial.faces,
                "epochs": trial.epochs,
                "photographs": photographs,
                "thirds": PARTS[trial.part],
            },
            run,
            Inputs(given.data, given.photographs, starts[trial.start][1]),
        )
        for trial in read_trials()
        if trial.start in starts
    ] + [timing]


def options(parser: argparse.ArgumentParser) -> None:
    """Where things lie."""
    parser.add_argument(
        "--photographs", type=Path, metavar="FOLDER",
        help="photographs in any layout that `fetch` reads, 68 or 106 points; without it no trials",
    )  # fmt: skip
    parser.add_argument(
        "--start", type=Path, metavar="FILE",
        help="weights (safetensors) for trials that start from `subnet`; without it they are out",
    )  # fmt: skip
    head_option(parser)


def _summary(ledger: Ledger) -> Any:
    from benchmarks.synthetic.table import summary

    return summary(ledger)


BENCHMARK = Benchmark("synthetic", __doc__, jobs, _summary, options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
