"""Searches held to budgets, against the sampled architectures: the front.

Costs are MACs, so that neither the searches nor the comparison hang on a machine's latencies.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from benchmarks.ranking import searches
from benchmarks.ranking.jobs import Job
from benchmarks.ranking.setting import Setting
from benchmarks.ranking.statistics import seed_spread
from fbnet.errors import BadInput
from fbnet.search.sampling import Choice


def summary(setting: Setting) -> dict[str, Any]:
    """Points of what was `searched` and `sampled`, and the test NME's `seed_spread`.

    A point: choice, MACs, validation and test NME as fractions, means over the seeds. The spread is
    the standard deviation of one training, and that of the difference between two points.
    Raises BadInput when a search or a training is not done.
    """
    found = (tuple(_done(job)["choice"]) for job in searches.by_budget(setting).values())
    kinds = {"searched": list(dict.fromkeys(found)), "sampled": setting.sample}
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


def _records(setting: Setting, choice: Choice) -> list[dict[str, Any]]:
    return [_done(job) for job in setting.ledger.jobs([choice], setting.ranking.recipe.seeds)]


def _done(job: Job) -> dict[str, Any]:
    if (result := job.result) is None:
        raise BadInput(f"{job.path} is not there; run the steps search and train")
    return result


def _point(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over the seeds."""
    means = {name: fmean(r[name] for r in records) for name in ("val_nme", "test_nme")}
    return {"choice": records[0]["choice"], "macs": records[0]["macs"], **means}
