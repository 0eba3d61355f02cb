"""Methods of search compared: which finds the best net of a band for its compute.

Methods that train nets are asked of benchmarks/results/nas_table/table.csv, in seconds, by `table`.
Jobs `supernet/VARIANT-SEED` run a search and score every net of that table under its supernet.
`table` writes docs/search_methods.md and its picture.
"""

import argparse
import sys
from typing import Any

from benchmarks.core import WORK, Benchmark, faces_options
from benchmarks.core.jobs import Job, digest
from benchmarks.core.ledger import Ledger
from benchmarks.nas_table import AUGMENT
from benchmarks.nas_table import PLAN as TABLE_PLAN
from benchmarks.search_methods import PLAN, Plan


def jobs(
    given: argparse.Namespace,
    ledger: Ledger,
    plan: Plan = PLAN,
    space: Any = None,
    table_plan: Any = TABLE_PLAN,
) -> list[Job]:
    """The supernets, of every variant and seed. space: NNI's."""
    from benchmarks.core.faces import identity, load_faces
    from benchmarks.nas_table.query import SEPARATOR
    from benchmarks.nas_table.work import faces_of, sample
    from benchmarks.search_methods.work import score
    from fbnet.params import NNI_SPACE, SearchParams

    space = space or NNI_SPACE
    folder = faces_of(given.faces, given.data, WORK / "nas_table")
    faces = load_faces(folder, ledger.work)
    sampled = sample(table_plan, space, faces.points, faces.size)
    common = {
        "space": digest(space.model_dump(exclude_defaults=True)),
        "faces": identity(faces),
        "augment": dict(AUGMENT),
        "choices": sorted(SEPARATOR.join(c) for choices in sampled.values() for c in choices),
    }
    declared = []
    for seed in plan.supernet_seeds:
        for variant, changes in plan.supernets.items():
            params = SearchParams(**{**changes, "seed": seed})
            setting = common | {"search": params.model_dump(exclude={"method", "predictor"})}
            declared.append(Job(f"supernet/{variant}-{seed}", setting, score, (folder, space)))
    return declared


def _summary(ledger: Ledger) -> Any:
    from benchmarks.search_methods.table import summary

    return summary(ledger)


BENCHMARK = Benchmark("search_methods", __doc__, jobs, _summary, faces_options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
