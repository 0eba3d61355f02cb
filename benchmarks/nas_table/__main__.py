"""A table of trained nets: some 300 architectures of NNI's space are planned, two seeds each.

`short/BAND/NUMBER-SEED` trains one from scratch in under a minute of one core, `long/...` some of
them to their end. Any first part of the jobs holds as many of each band of MACs; start `run` again
to go on. Each leaves a row in benchmarks/results/nas_table/table.csv. `table` writes what the table
says of itself into docs/nas_table.md.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from benchmarks.core import Benchmark, faces_options
from benchmarks.core.jobs import Job, digest
from benchmarks.core.ledger import Ledger
from benchmarks.core.rows import RowLedger
from benchmarks.nas_table import BANDS, PLAN, Plan

if TYPE_CHECKING:
    from fbnet.params import SpaceParams


def jobs(
    given: argparse.Namespace,
    ledger: Ledger,
    plan: Plan = PLAN,
    space: "SpaceParams | None" = None,
) -> list[Job]:
    """All trainings: the short ones in turn through the bands, then the long ones. space: NNI's."""
    from benchmarks.core.faces import identity, load_faces
    from benchmarks.nas_table.work import Inputs, faces_of, sample, train
    from fbnet.params import NNI_SPACE

    folder = faces_of(given.faces, given.data, ledger.work)
    faces = load_faces(folder, ledger.work)
    inputs = Inputs(folder, space or NNI_SPACE, given.accelerator)
    common = {
        "space": digest(inputs.space.model_dump(exclude_defaults=True)),
        "faces": identity(faces),
        "augment": dict(plan.augment),
    }
    sampled = sample(plan, inputs.space, faces.points, faces.size)

    def declared(recipe: str, retrain: Any, seeds: Any, bands: Any, count: int) -> Iterator[Job]:
        columns = [[(band, choice) for choice in sampled[band][:count]] for band in bands]
        for number, row in enumerate(zip_longest(*columns)):
            for band, choice in filter(None, row):
                for seed in seeds:
                    setting = {"choice": list(choice), "seed": seed, "retrain": dict(retrain)}
                    name = f"{recipe}/{band}/{number:02}-{seed}"
                    yield Job(name, common | setting, train, inputs)

    short = declared("short", plan.short, plan.seeds, plan.bands, plan.count)
    main_bands = [band for band in plan.bands if band in BANDS]
    return [*short, *declared("long", plan.long, plan.seeds[:1], main_bands, plan.long_count)]


def options(parser: argparse.ArgumentParser) -> None:
    """Where the faces lie, and on what to train."""
    faces_options(parser)
    parser.add_argument(
        "--accelerator", choices=("cpu", "cuda", "auto"), default="cpu",
        help="what trainings run on (%(default)s); a table should be of one kind",
    )  # fmt: skip


def _summary(ledger: Ledger) -> Any:
    from benchmarks.nas_table.table import summary

    return summary(ledger)


BENCHMARK = Benchmark("nas_table", __doc__, jobs, _summary, options, RowLedger)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
