"""Finished runs of the pipeline as plain values, for pages that compare them."""

from typing import Any

from fbnet.errors import BadInput
from stages.params import MlflowParams
from stages.tracking.place import lock
from stages.tracking.runs import PARENT
from stages.tracking.store import connect


def finished_runs(experiment: str) -> list[dict[str, Any]]:
    """`name`, `metrics`, `params` of each finished pipeline run of an experiment, oldest first.

    Runs of single stages are left out. Raises BadInput when there is no such experiment.
    """
    with lock():
        store = connect(MlflowParams())
    found = store.client.get_experiment_by_name(experiment)
    if found is None:
        known = ", ".join(e.name for e in store.client.search_experiments())
        raise BadInput(f"{experiment}: no such MLflow experiment; there are: {known}")
    condition = "attributes.status = 'FINISHED'"
    runs = store.client.search_runs([found.experiment_id], condition)[::-1]
    return [
        {
            "name": run.info.run_name,
            "metrics": dict(run.data.metrics),
            "params": dict(run.data.params),
        }
        for run in runs
        if PARENT not in run.data.tags
    ]
