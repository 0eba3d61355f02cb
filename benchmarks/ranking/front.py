"""Searches held to budgets, against random members of their space.

Costs are MACs, so that neither the searches nor the comparison hang on a machine's latencies.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.ranking.jobs import Job
from benchmarks.ranking.searches import search_job
from benchmarks.ranking.setting import Setting
from benchmarks.ranking.statistics import seed_spread
from benchmarks.ranking.trainings import Ledger
from fbnet.errors import BadInput
from fbnet.files import read_json
from fbnet.search.lut import Lut
from fbnet.search.sampling import Choice

FOLDER = "front"


def searches(setting: Setting) -> list[Job]:
    """The project's search under each budget, cheapest first."""
    target = {"cost": "macs", "mode": "target", "target_ms": None}
    return [
        search_job(
            setting,
            f"{FOLDER}/budget_{budget:g}",
            "base",
            setting.search_params(**target, target_macs=budget),
        )
        for budget in sorted(setting.ranking.front.budgets)
    ]


def members(lut: Lut, count: int, seed: int) -> list[Choice]:
    """Distinct architectures, all of the space equally likely. Raises BadInput if it has fewer."""
    layers = [list(layer) for layer in lut.layers]
    if prod(map(len, layers)) < count:
        raise BadInput(f"front.members is {count}: the space has fewer architectures; lower it")
    rng = np.random.default_rng([seed, 8])
    found: dict[Choice, None] = {}
    while len(found) < count:
        found[tuple(ops[rng.integers(len(ops))] for ops in layers)] = None
    return list(found)


def trainings(setting: Setting) -> list[Job]:
    """Every searched net and every member with every seed."""
    choices = [*_searched(setting), *_members(setting)]
    return _ledger(setting).jobs(choices, setting.ranking.recipe.seeds)


def summary(setting: Setting) -> dict[str, Any]:
    """All points, and the standard deviation of one training's test NME, from finished jobs."""
    kinds = {"searched": _searched(setting), "members": _members(setting)}
    done = {kind: [_records(setting, c) for c in choices] for kind, choices in kinds.items()}
    pairs = [[r["test_nme"] for r in records] for group in done.values() for records in group]
    points = {kind: [_point(records) for records in group] for kind, group in done.items()}
    return points | {"seed_spread": seed_spread(pairs)}


def best_so_far(points: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of which none that costs no more is better on validation, cheapest first."""
    kept: list[Mapping[str, Any]] = []
    for point in sorted(points, key=lambda point: (point["macs"], point["val_nme"])):
        if not kept or point["val_nme"] < kept[-1]["val_nme"]:
            kept.append(point)
    return kept


def _searched(setting: Setting) -> list[Choice]:
    found = (tuple(read_json(job.path)["choice"]) for job in searches(setting))
    return list(dict.fromkeys(found))


def _members(setting: Setting) -> list[Choice]:
    params = setting.ranking.front
    return members(setting.lut("macs"), params.members, params.seed)


def _ledger(setting: Setting) -> Ledger:
    return Ledger(setting.results / FOLDER, setting.recipe)


def _records(setting: Setting, choice: Choice) -> list[dict[str, Any]]:
    jobs = _ledger(setting).jobs([choice], setting.ranking.recipe.seeds)
    return [read_json(job.path) for job in jobs]


def _point(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over the seeds."""
    means = {name: fmean(r[name] for r in records) for name in ("val_nme", "test_nme")}
    return {"choice": records[0]["choice"], "macs": records[0]["macs"], **means}
