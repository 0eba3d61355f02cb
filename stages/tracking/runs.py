"""The runs in MLflow: a parent for each pipeline run, a child for each attempt of a stage."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fbnet.errors import BadInput
from fbnet.progress import Log, is_rank_zero, no_log
from stages import revision
from stages.results import Results
from stages.tracking.projection import Series, flat, log_params, project_child, project_parent
from stages.tracking.stage_files import current_stages
from stages.tracking.store import OWNER, PARENT, TAG, Step, Store, attempt, connect, finish
from stages.tracking.workspace import dvc_above, lock, this_process, tracking_uri

RESULTS = Results()
FAILED = f"{TAG}failed"


@contextmanager
def stage_run(stage: str, params: Any, results: Results = RESULTS) -> Iterator[Log]:
    """Track an attempt of `stage`; yields `log(step, numbers)` for its training loops.

    The body's end makes the run FINISHED, an exception FAILED, KeyboardInterrupt KILLED. Raises
    BadInput before the body when the store cannot be used; once it works, trouble with the store
    is reported on stderr and never stops a stage.
    """
    if not params.mlflow.enabled or not is_rank_zero():
        yield no_log
        return
    values = flat(params)
    with lock():
        store = connect(params.mlflow)
        parent = open_parent(store)
        child = start_child(store, parent, stage, values)
    own = {name: value for name, value in values.items() if name.startswith(f"{stage}.")}
    attempt("logging params", lambda: log_params(store, parent, values))
    attempt("logging params", lambda: log_params(store, child, own))
    series = Series(store, child)

    def closing(status: str) -> list[Step]:
        return [
            ("closing the run", lambda: store.client.set_terminated(child, status)),
            ("closing the parent run", lambda: close_parent(store, parent, status, stage)),
        ]

    def summarise() -> None:
        stages = {stage, *current_stages(results)}
        project_parent(store, parent, stages, params, results)

    try:
        yield series.log
    except BaseException as error:
        status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        finish(child, *closing(status))
        raise
    finish(
        child,
        ("logging the stage", lambda: project_child(series, stage, results)),
        ("the summary", summarise),
        *closing("FINISHED"),
    )


@contextmanager
def pipeline_run(params: Any, results: Results = RESULTS) -> Iterator[dict[str, str]]:
    """Hold the parent run while the pipeline runs; yields the environment its stages need.

    At the end the parent shows all results as they stand, also those that DVC had cached. A run
    that `mlflow run` started is closed by it, one started here is closed here. Raises BadInput
    before the body when the store cannot be used.
    """
    if not params.mlflow.enabled:
        yield {}
        return
    given = "MLFLOW_RUN_ID" in os.environ
    with lock():
        store = connect(params.mlflow)
        parent = open_parent(store) if given else start_parent(store, this_process(), None, {})
    if given:
        store.client.set_tag(parent, OWNER, this_process())

    def summarise() -> None:
        project_parent(store, parent, current_stages(results), params, results)

    status = "FAILED"
    summary: list[Step] = []
    try:
        yield {"MLFLOW_RUN_ID": parent, "MLFLOW_TRACKING_URI": tracking_uri()}
        status, summary = "FINISHED", [("the summary", summarise)]
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        close = ("closing the run", lambda: store.client.set_terminated(parent, status))
        finish(parent, *summary, *([] if given else [close]))


def open_parent(store: Store) -> str:
    """Id of the parent run, which is RUNNING afterwards. Call it under the lock.

    That of `mlflow run` (MLFLOW_RUN_ID), else that of the `dvc` process above, one for each
    experiment it runs (DVC_EXP_NAME), else that of this process alone. Raises BadInput when
    MLFLOW_RUN_ID is not in the store.
    """
    if given := os.environ.get("MLFLOW_RUN_ID"):
        from mlflow import MlflowException

        try:
            store.client.get_run(given)
        except MlflowException:
            raise BadInput(
                f"MLFLOW_RUN_ID {given}: no such run in the store; unset it or set "
                "MLFLOW_TRACKING_URI"
            ) from None
        return given
    experiment = os.environ.get("DVC_EXP_NAME", "")
    owner = dvc_above() or this_process()
    key = f"{experiment}@{owner}"
    if runs := store.find(f"tags.`{TAG}key` = '{key}'"):
        run_id = str(runs[0].info.run_id)
        store.client.update_run(run_id, status="RUNNING")
        return run_id
    return start_parent(store, owner, experiment or None, {f"{TAG}key": key})


def start_parent(store: Store, owner: str, name: str | None, tags: dict[str, str]) -> str:
    """Start a parent run of the process `owner`; it holds the uncommitted changes too."""
    changes = revision.changes()
    tags = _tags(owner, changes, "pipeline") | tags
    run = store.client.create_run(store.experiment, run_name=name, tags=tags)
    if changes:
        store.client.log_text(run.info.run_id, changes, "uncommitted.diff")
    return str(run.info.run_id)


def close_parent(store: Store, run_id: str, status: str, stage: str) -> None:
    """Close the parent after a stage, whichever comes last: nothing else ends a `dvc repro`.

    A parent stays FAILED or KILLED once a stage was. One that `mlflow run` or the pipeline command
    started is closed by them.
    """
    if os.environ.get("MLFLOW_RUN_ID"):
        return
    if status != "FINISHED":
        store.client.set_tag(run_id, FAILED, f"{status} {stage}")
    failed = store.client.get_run(run_id).data.tags.get(FAILED)
    store.client.set_terminated(run_id, failed.split()[0] if failed else status)


def start_child(store: Store, parent: str, stage: str, values: dict[str, str]) -> str:
    """Start the run of one attempt of a stage under these params. Each attempt has its own."""
    tags = _tags(this_process(), revision.changes(), f"stages/{stage}.py")
    digest = hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:16]
    tags |= {PARENT: parent, f"{TAG}stage": stage, f"{TAG}params": digest}
    experiment = store.client.get_run(parent).info.experiment_id
    return str(store.client.create_run(experiment, run_name=stage, tags=tags).info.run_id)


def _tags(owner: str, changes: str, source: str) -> dict[str, str]:
    commit = revision.commit()
    return {
        OWNER: owner,
        f"{TAG}commit": commit or "none",
        f"{TAG}dirty": str(bool(changes)).lower(),
        "mlflow.source.name": source,
        "mlflow.source.type": "LOCAL",
    } | ({"mlflow.source.git.commit": commit} if commit else {})
