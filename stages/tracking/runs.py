"""The runs in MLflow: a parent for each pipeline run, a child for each attempt of a stage."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fbnet.errors import BadInput
from fbnet.progress import Log, is_rank_zero, no_log
from stages import revision
from stages.lock_file import current_stages, recorded_params, require_current_export
from stages.records import timed
from stages.results import Results
from stages.tracking import model, ui
from stages.tracking.address import lock, tracking_uri
from stages.tracking.model import LABEL, NOTE, PROFILE_TAG
from stages.tracking.processes import dvc_above, this_process
from stages.tracking.projection import (
    SAME_AS,
    Series,
    flat,
    log_params,
    project_child,
    project_parent,
    results_digest,
)
from stages.tracking.store import (
    OWNER,
    PARENT,
    TAG,
    Step,
    Store,
    attempt,
    connect,
    finish,
    in_one_line,
)

RESULTS = Results()
STAGES = ("fetch", "lut", "search", "retrain", "export", "bench", "report")
"""In the order in which they run."""
FAILED = f"{TAG}failed"
PROFILE = "FBNET_PROFILE"
"""Variable in which the commands of the pipeline hand the profile's name to the stages."""


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
        parent = in_one_line(lambda: open_parent(store))
        child = in_one_line(lambda: start_child(store, parent, stage, values))
    own = {name: value for name, value in values.items() if name.startswith(f"{stage}.")}
    attempt("logging params", lambda: log_params(store, parent, values))
    attempt("logging params", lambda: log_params(store, child, own))
    series = Series(store, child)

    def end(status: str, *steps: Step) -> None:
        ends = {child: status} if "MLFLOW_RUN_ID" in os.environ else {child: status, parent: status}
        finish(
            ends,
            *steps,
            ("closing the run", lambda: store.client.set_terminated(child, status)),
            ("closing the parent run", lambda: close_parent(store, parent, status, stage)),
        )

    def summarise() -> None:
        stages = {stage, *current_stages(results)}
        project_parent(store, parent, stages, params, results)

    try:
        yield series.log
    except BaseException as error:
        end("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        raise
    end(
        "FINISHED",
        ("logging the stage", lambda: project_child(series, stage, results)),
        ("the summary", summarise),
    )


@contextmanager
def pipeline_run(params: Any, results: Results = RESULTS) -> Iterator[dict[str, str]]:
    """Hold the parent run while the pipeline runs; yields the environment its stages need.

    At the end the parent shows all results as they stand, also those that DVC had cached. Where no
    stage ran and another run has these results already, this one is deleted: it is no result. A run
    that `mlflow run` started stays its own, with a link, unless it is in `mlflow.experiment`.
    Raises BadInput before the body when the store cannot be used.
    """
    if not params.mlflow.enabled:
        yield {}
        return
    with lock():
        store = connect(params.mlflow)
        given, parent = in_one_line(lambda: pipeline_parent(store))
    own = parent != given

    def summarise() -> None:
        with lock():
            project_parent(store, parent, current_stages(results), params, results)
            if own and is_repeat(store, parent):
                if given:
                    link(store, given, store.client.get_run(parent).data.tags[SAME_AS])
                store.client.delete_run(parent)

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
        finish({parent: status} if own else {}, *([close] if own else []), *summary)


def register(results: Results = RESULTS) -> str:
    """Register the models of `results`; returns "NAME version N" of each.

    They are those of the run that made it. Results of no recorded run get one of their own, with
    the params that dvc.lock has of them. Raises BadInput without a model or a store, and where
    dvc.lock is of other results.
    """
    results.require(results.onnx)
    require_current_export(results)
    params = recorded_params(results)
    settings = params.mlflow.model_copy(update={"register_model": True})
    with lock():
        store = connect(settings)
        run_id = in_one_line(lambda: run_of(store, params, results))
        return ", ".join(in_one_line(lambda: model.register(store, run_id)))


def run_of(store: Store, params: Any, results: Results) -> str:
    """Id of the run that made the exported model; a new one where none is recorded."""
    export = results_digest(results, "export")
    if runs := store.find(f"tags.`{TAG}projected.export` = '{export}'"):
        run_id = str(runs[-1].info.run_id)
        if NOTE not in runs[-1].data.tags:
            model.describe(store, run_id, params, results)
        return run_id
    run_id = start_parent(store, this_process(), None, {})
    stages = [stage for stage in STAGES if results.folder(stage).is_dir()]
    if not timed(results):
        stages = [stage for stage in stages if stage not in ("bench", "report")]
    project_parent(store, run_id, stages, params, results)
    store.client.set_terminated(run_id)
    return run_id


def pipeline_parent(store: Store) -> tuple[str | None, str]:
    """Ids of the run that `mlflow run` started, if it did, and of the pipeline's own parent run.

    They are the same where the first is in the experiment; else it has a link to the second.
    """
    if "MLFLOW_RUN_ID" not in os.environ:
        return None, start_parent(store, this_process(), None, {})
    given = open_parent(store)
    own = store.client.get_run(given).info.experiment_id != store.experiment
    parent = start_parent(store, this_process(), None, {}) if own else given
    store.client.set_tag(given, OWNER, this_process())
    if own:
        link(store, given, parent)
    return given, parent


def link(store: Store, run_id: str, parent: str) -> None:
    """Note on a run of `mlflow run` which run of the experiment has the pipeline's results."""
    store.client.set_tag(run_id, f"{TAG}run", parent)
    store.client.set_tag(run_id, NOTE, f"The pipeline's own run: {parent}")


def is_repeat(store: Store, run_id: str) -> bool:
    """Whether no stage ran under a run and an older one has its results."""
    ran = store.find(f"tags.`{PARENT}` = '{run_id}'")
    return not ran and SAME_AS in store.client.get_run(run_id).data.tags


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
    """Start a parent run of the process `owner`; with the uncommitted changes where asked."""
    changes = revision.changes()
    tags = _tags(owner, changes, "pipeline") | tags
    tags |= {LABEL: name} if name else {}
    if profile := os.environ.get(PROFILE):
        tags[PROFILE_TAG] = profile
    ui.share(store.client, store.client.get_experiment(store.experiment))
    run = store.client.create_run(store.experiment, run_name=name, tags=tags)
    if changes and store.settings.log_changes:
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
