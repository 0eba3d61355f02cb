"""Recipes of training, one change at a time on one net: python -m benchmarks.recipe.

Every trial renders faces (once for all trials of one kind), trains the net on them alone and scores
it on rendered test faces and on photographs. `table` writes docs/training.md and its curves.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.core import Benchmark, head_option
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.recipe import TRIALS, setting
from benchmarks.recipe.table import summary


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """All trials, once the photographs are at hand."""
    from benchmarks.core.faces import head_digest, identity, load_faces
    from benchmarks.recipe.trial import record, train
    from benchmarks.synthetic.trial import Inputs
    from fbnet.errors import BadInput

    if not given.photographs:
        raise BadInput("--photographs FOLDER is needed: trials are scored on them too")
    shared = {
        "photographs": identity(load_faces(given.photographs, ledger.work)),
        "head": head_digest(given.data),
    }
    inputs = Inputs(given.data, given.photographs)
    return [Job(record(name), setting(name) | shared, train, inputs) for name in TRIALS]


def options(parser: argparse.ArgumentParser) -> None:
    """Where things lie."""
    parser.add_argument(
        "--photographs", type=Path, metavar="FOLDER", help="photographs with 68 points, to score on"
    )
    head_option(parser)


BENCHMARK = Benchmark("recipe", __doc__, jobs, summary, options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
