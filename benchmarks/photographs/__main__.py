"""What rendered faces bring to a net that then learns from few photographs.

Jobs `START/COUNT-DRAW` train the shipped net of 68 points on, or a fresh one of its blocks, on so
many photographs, and score it on a fold of others. `table` writes docs/photographs.md.
"""

import argparse
import sys
from itertools import chain

from benchmarks.core import Benchmark, photographs_option
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.photographs import PLAN, Plan
from benchmarks.photographs.table import summary


def jobs(given: argparse.Namespace, ledger: Ledger, plan: Plan = PLAN) -> list[Job]:
    """The starts as they are, the trials of learning rates, then all trainings, by draw."""
    from benchmarks.core.faces import identity, photographs
    from benchmarks.photographs.work import Inputs, score_start, train, try_rate
    from fbnet.files import digest, read_json

    shared = {
        "photographs": identity(photographs(given, ledger.work)),
        "choice": read_json(plan.architecture)["choice"],
    }
    shown: list[Job] = []
    trials: list[Job] = []
    trainings: list[Job] = []
    for start, weights in plan.starts.items():
        setting = shared | {"start": digest(weights) if weights else None}
        inputs = Inputs(given.photographs, weights)
        if weights:
            shown += [
                Job(f"{start}/0-{draw}", setting | {"draw": draw}, score_start, inputs)
                for draw in range(1, plan.draws + 1)
            ]
        setting |= {"retrain": dict(plan.retrain), "augment": dict(plan.augment)}
        short = {"draw": 1, "retrain": {**plan.retrain, "epochs": plan.trial_epochs}}
        tried: dict[int | None, tuple[Job, ...]] = {
            count: tuple(
                Job(
                    f"rates/{start}-{count or 'all'}-{rate:g}",
                    setting | short | {"count": count, "rate": rate},
                    try_rate,
                    inputs,
                )
                for rate in rates
            )
            for (of, count), rates in plan.rates.items()
            if of == start
        }
        trials += chain.from_iterable(tried.values())
        trainings += [
            Job(
                f"{start}/{count or 'all'}-{draw}",
                setting | {"count": count, "draw": draw},
                train,
                inputs,
                tried.get(count, tried[None]),
            )
            for draw in range(1, plan.draws + 1)
            for count in plan.counts
        ]
    return [*shown, *trials, *sorted(trainings, key=lambda job: job.setting["draw"])]


BENCHMARK = Benchmark("photographs", __doc__, jobs, summary, photographs_option)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
