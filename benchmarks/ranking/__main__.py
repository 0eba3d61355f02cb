"""Is the search's verdict right? Architectures trained alone, against what the search says.

Jobs: `sample` picks architectures; `searches/*` repeat the search over seeds, under budgets and
with one thing done otherwise; `inherited` scores the sample under the supernet of the search that
is judged; `trainings/*` train alone what was sampled and what the searches chose. Needs the
pipeline's results. `table` writes table.json, three pictures and docs/search.md.
"""

import argparse
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.core import Benchmark
from benchmarks.core.jobs import Job, digest
from benchmarks.core.ledger import Ledger
from benchmarks.ranking import PLAN, Plan

if TYPE_CHECKING:
    from benchmarks.ranking.work import Inputs
    from fbnet.params import SpaceParams

STRIDE = 4
"""Every so many-th of the sample is trained first: an interrupted run spans the costs."""


def jobs(
    given: argparse.Namespace,
    ledger: Ledger,
    plan: Plan = PLAN,
    space: "SpaceParams | None" = None,
) -> list[Job]:
    """All jobs that are known so far: trainings follow from the sample and from searches.

    space: NNI's, where none is given.
    """
    from benchmarks.core.faces import identity, load_faces
    from benchmarks.ranking.work import Inputs, inherit, sample
    from fbnet.files import digest as file_digest
    from fbnet.files import read_json
    from fbnet.params import NNI_SPACE

    faces = load_faces(given.faces, ledger.work)
    inputs = Inputs(given.faces, space or NNI_SPACE)
    common = {
        "space": digest(inputs.space.model_dump(exclude_defaults=True)),
        "faces": identity(faces),
    }
    supernet = given.searched / "supernet.safetensors"
    chosen = read_json(given.searched / "architecture.json")["choice"]

    shape = {"points": faces.points, "size": faces.size}
    drawn = {"count": plan.count, "pool": plan.pool, "seed": plan.seed}
    sampling = Job("sample", {"space": common["space"], **shape, **drawn}, sample, inputs)
    judged = Job(
        "inherited",
        common
        | {"search": {**plan.search, "seed": 1}, "choice": chosen}
        | {"supernet": file_digest(supernet), "costs": file_digest(given.lut)},
        inherit,
        replace(inputs, table=given.lut, supernet=supernet),
        (sampling,),
    )
    searching = _searches(given.lut, plan, common, inputs)

    sampled = (ledger.result(sampling) or {}).get("choices", [])
    train = partial(_training, plan, common, inputs)
    chosen_by = {
        kind: [r["choice"] for name in names if (r := ledger.results(name).get(name))]
        for kind, names in ((k, n.values()) for k, n in plan.searches().items())
    }
    varied = chosen_by.pop("variants")
    ranked = [chosen, *(c for start in range(STRIDE) for c in sampled[start::STRIDE])]
    whole = [*ranked, *(choice for choices in chosen_by.values() for choice in choices)]
    training = [train(choice, seed) for seed in plan.seeds for choice in whole]
    training += [train(choice, plan.seeds[0]) for choice in varied]
    training.append(train(chosen, plan.seeds[0], supernet))
    return list({j.name: j for j in (sampling, *searching, judged, *training)}.values())


def _searches(lut: Path, plan: Plan, common: dict[str, Any], inputs: "Inputs") -> list[Job]:
    from benchmarks.ranking.work import search
    from fbnet.files import digest as file_digest

    names = plan.searches()

    def job(name: str, variant: str, table: Path | None, **changes: Any) -> Job:
        setting = common | {"variant": variant, "search": {**plan.search, **changes}}
        own = lut if table and table != lut else None
        if table:
            setting["costs"] = file_digest(table)
        if own:
            setting["own_costs"] = file_digest(own)
        return Job(name, setting, search, replace(inputs, table=table, own_table=own))

    tables = {"seeds": lut, **{table.stem: table for table in plan.tables}}
    seeded = [
        job(name, "base", table, seed=seed)
        for kind, table in tables.items()
        for seed, name in zip(plan.search_seeds, names[kind].values(), strict=True)
    ]
    target = {"cost": "macs", "mode": "target", "seed": 1}
    held = [
        job(name, "base", None, target_macs=int(budget), **target)
        for budget, name in zip(sorted(plan.budgets), names["budgets"].values(), strict=True)
    ]
    varied = [
        job(name, v.search, lut, **{**plan.reduced, **v.changes, "seed": 1})
        for v, name in zip(plan.variants.values(), names["variants"].values(), strict=True)
    ]
    return [*seeded, *held, *varied]


def _training(
    plan: Plan,
    common: dict[str, Any],
    inputs: "Inputs",
    choice: list[str],
    seed: int,
    supernet: Path | None = None,
) -> Job:
    """A training from scratch, or from the weights of `supernet`."""
    from benchmarks.ranking.work import train
    from fbnet.files import digest as file_digest

    setting = common | {"choice": choice, "seed": seed, "retrain": dict(plan.retrain)}
    setting["supernet"] = file_digest(supernet) if supernet else None
    name = f"trainings/{digest(choice)[:10]}-{seed}{'-inherited' if supernet else ''}"
    return Job(name, setting, train, replace(inputs, supernet=supernet))


def options(parser: argparse.ArgumentParser) -> None:
    """Where the pipeline's results lie."""
    for name, path, what in (
        ("faces", "results/fetch/faces", "face set of the fetch stage"),
        ("lut", "results/lut/latency.json", "cost table that the search goes by"),
        ("searched", "results/search", "results of the search that is judged"),
    ):
        parser.add_argument(
            f"--{name}", type=Path, default=Path(path), metavar="PATH", help=f"{what} (%(default)s)"
        )


def _summary(ledger: Ledger) -> Any:
    from benchmarks.ranking.table import summary

    return summary(ledger)


BENCHMARK = Benchmark("ranking", __doc__, jobs, _summary, options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
