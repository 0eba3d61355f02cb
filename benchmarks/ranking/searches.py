"""Whole searches: over seeds, and with one thing done otherwise."""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch

from benchmarks.ranking.digests import face_set, short
from benchmarks.ranking.jobs import Job
from benchmarks.ranking.setting import Setting
from benchmarks.ranking.variants import VARIANTS
from fbnet.costs.lut import Lut, from_json
from fbnet.costs.macs import count_net
from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.params import SearchParams
from fbnet.search import results
from fbnet.search.supernet import entropy
from fbnet.training.device import launch
from stages.results import Results


def seeds(setting: Setting, table: Path | None = None) -> dict[str, Job]:
    """The project's search by its own table or another's, once a seed, by the seed's name."""
    suffix = f"_{table.stem}" if table else ""
    return {
        f"seed {seed}": _job(
            setting, f"seed_{seed}{suffix}", "base", setting.search_params(seed=seed), table
        )
        for seed in setting.ranking.searches.seeds
    }


def by_table(setting: Setting) -> dict[str, dict[str, Job]]:
    """`seeds` by the project's table, called "", and by every other one, by its file's name."""
    others = {table.stem: seeds(setting, table) for table in setting.ranking.searches.tables}
    return {"": seeds(setting), **others}


def repeated(setting: Setting) -> dict[str, Job]:
    """All of `by_table` in one, named by seed and table."""
    return {
        f"{name}, {table}" if table else name: job
        for table, jobs in by_table(setting).items()
        for name, job in jobs.items()
    }


def by_budget(setting: Setting) -> dict[str, Job]:
    """The project's search under each budget in MACs, cheapest first, by the budget."""
    target = {"cost": "macs", "mode": "target", "target_ms": None}
    return {
        f"{budget / 1e6:g} M MACs": _job(
            setting,
            f"budget_{budget:g}",
            "base",
            setting.search_params(**target, target_macs=budget),
        )
        for budget in sorted(setting.ranking.searches.budgets)
    }


def wanted(setting: Setting) -> list[Job]:
    """All searches whose file's name fits `setting.only`. Raises BadInput when none does."""
    every = repeated(setting) | by_budget(setting) | ablations(setting)
    found = [job for job in every.values() if fnmatch(job.path.name, setting.only)]
    if not found:
        names = ", ".join(job.path.name for job in every.values())
        raise BadInput(f"--only {setting.only}: no search is called so; there are {names}")
    return found


def ablations(setting: Setting) -> dict[str, Job]:
    """Every variant on reduced data, one seed, by what it does otherwise."""
    reduced = setting.ranking.ablations.model_dump()
    return {
        variant.what: _job(
            setting, name, name, setting.search_params(**reduced, **dict(variant.changes))
        )
        for name, variant in VARIANTS.items()
    }


def _lut(setting: Setting, params: SearchParams, table: Path | None) -> Lut:
    """The table at `table`, else the project's own."""
    return from_json(table, setting.params.search_space) if table else setting.lut(params.cost)


def _job(
    setting: Setting, name: str, variant: str, params: SearchParams, table: Path | None = None
) -> Job:
    """A search's result lies in a file named by what it is and by all that it hangs on."""
    lut = _lut(setting, params, table)
    key = short(
        {
            "faces": face_set(Results().faces),
            "space": setting.params.search_space.model_dump(),
            "search": params.model_dump(),
            "costs": [lut.fixed, lut.layers],
            "augment": setting.params.augment.model_dump() if params.augment else None,
            "train": setting.train.model_dump(include={"accelerator", "precision", "threads"}),
        }
    )
    path = setting.results / "searches" / f"{name}-{key}.json"
    return Job(path, search, (setting, variant, params, table))


def search(
    setting: Setting, variant: str, params: SearchParams, table: Path | None = None
) -> dict[str, Any]:
    """Run one search; what it chose and how decided it was."""
    faces, space = FaceSet.load(Results().faces), setting.params.search_space
    augment = setting.params.augment if params.augment else None
    kind = VARIANTS[variant].search
    lut = _lut(setting, params, table)
    running = kind(faces, space, lut, params, augment, launch(setting.train))
    running.run()
    best = results.rank(running)[0]
    return {
        "choice": list(best.choice),
        "cost": best.cost,
        "unit": running.lut.unit,
        "macs": count_net(space, faces.points, best.choice, faces.size).macs,
        "inherited_nme": best.nme,
        "entropy": [layer_entropies(epoch) for epoch in running.probabilities],
        "arch_steps": running.arch_step_count,
        "weight_steps": running.learner.step_count,
    }


def layer_entropies(layers: Sequence[Sequence[float]]) -> list[float]:
    """Entropy of each layer's probabilities: 1 uniform, 0 decided."""
    return entropy([torch.tensor(values).log() for values in layers])
