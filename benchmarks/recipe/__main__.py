"""Recipes of training, one change at a time on one net: python -m benchmarks.recipe.

Every trial renders faces (once for all trials of one kind), trains the net on them alone and scores
it on rendered test faces and on photographs. `table` writes docs/training.md and its curves.
"""

import argparse
import sys

from benchmarks.core import Benchmark, head_option, photographs_option
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.recipe import TRIALS, setting
from benchmarks.recipe.table import summary


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """All trials, once the photographs are at hand."""
    from benchmarks.core.faces import head_digest, identity, photographs
    from benchmarks.recipe.trial import record, train
    from benchmarks.synthetic.trial import Inputs

    shared = {
        "photographs": identity(photographs(given, ledger.work)),
        "head": head_digest(given.data),
    }
    inputs = Inputs(given.data, given.photographs)
    return [Job(record(name), setting(name) | shared, train, inputs) for name in TRIALS]


def options(parser: argparse.ArgumentParser) -> None:
    """Where things lie."""
    photographs_option(parser)
    head_option(parser)


BENCHMARK = Benchmark("recipe", __doc__, jobs, summary, options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
