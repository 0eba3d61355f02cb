"""Parent and child runs: found or made, opened, closed."""

import os
from typing import Any

from fbnet.errors import BadInput
from stages.tracking import owner, revision
from stages.tracking.store import PARENT, TAG, Store

FAILED_TAG = f"{TAG}failed"


def open_parent(store: Store) -> str:
    """Id of the run that stands for this run of the pipeline, RUNNING. Call it under the lock.

    The one of `mlflow run` (MLFLOW_RUN_ID), else that of the `dvc` process above, one for each
    experiment it runs (DVC_EXP_NAME), else that of this process alone.
    """
    if given := os.environ.get("MLFLOW_RUN_ID"):
        return _given(store, given)
    experiment = os.environ.get("DVC_EXP_NAME", "")
    who = owner.dvc_above() or owner.this_process()
    key = f"{experiment}@{who}"
    if found := store.find(f"tags.`{TAG}key` = '{key}'"):
        run_id = str(found[0].info.run_id)
        store.client.update_run(run_id, status="RUNNING")
        return run_id
    return make_parent(store, who, experiment or None, {f"{TAG}key": key})


def make_parent(store: Store, who: str, name: str | None, tags: dict[str, str]) -> str:
    """Start a parent run that belongs to process `who`; uncommitted changes go with it."""
    changes = revision.changes()
    run = store.client.create_run(
        store.experiment, run_name=name, tags=_tags(who, changes, "pipeline") | tags
    )
    if changes:
        store.client.log_text(run.info.run_id, changes, "uncommitted.diff")
    return str(run.info.run_id)


def open_child(store: Store, parent: str, stage: str, params_hash: str) -> str:
    """Start the run of one attempt of a stage. Each attempt has its own."""
    tags = _tags(owner.this_process(), revision.changes(), f"stages/{stage}.py")
    tags |= {PARENT: parent, f"{TAG}stage": stage, f"{TAG}params": params_hash}
    experiment = store.client.get_run(parent).info.experiment_id
    return str(store.client.create_run(experiment, run_name=stage, tags=tags).info.run_id)


def close_parent(store: Store, run_id: str, status: str, stage: str) -> None:
    """End a stage's share in the parent; nobody else learns when `dvc repro` is over.

    A parent stays FAILED or KILLED once a stage was. One that `mlflow run` or the pipeline command
    started is closed by them.
    """
    if os.environ.get("MLFLOW_RUN_ID"):
        return
    if status != "FINISHED":
        store.client.set_tag(run_id, FAILED_TAG, f"{status} {stage}")
    failed = store.client.get_run(run_id).data.tags.get(FAILED_TAG)
    store.client.set_terminated(run_id, failed.split()[0] if failed else status)


def _given(store: Store, run_id: str) -> str:
    from mlflow import MlflowException

    try:
        store.client.get_run(run_id)
    except MlflowException:
        raise BadInput(
            f"MLFLOW_RUN_ID {run_id}: no such run in the store; unset it or set MLFLOW_TRACKING_URI"
        ) from None
    return run_id


def _tags(who: str, changes: str, source: str) -> dict[str, Any]:
    commit = revision.commit()
    return {
        f"{TAG}owner": who,
        f"{TAG}commit": commit or "none",
        f"{TAG}dirty": str(bool(changes)).lower(),
        "mlflow.source.name": source,
        "mlflow.source.type": "LOCAL",
    } | ({"mlflow.source.git.commit": commit} if commit else {})
