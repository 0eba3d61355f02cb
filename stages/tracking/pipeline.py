"""The run of the whole pipeline, for the command that starts it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from stages.tracking import owner, results
from stages.tracking.place import lock, tracking_uri
from stages.tracking.projection import project_parent
from stages.tracking.runs import make_parent, open_parent
from stages.tracking.store import TAG, Step, Store, connect, finish


@contextmanager
def pipeline_run(params: Any, reload: Callable[[], Any]) -> Iterator[dict[str, str]]:
    """Hold the parent run while the pipeline runs; yields the environment its stages need.

    At the end the parent shows all results as they stand, also those that DVC found cached, under
    the params that `reload()` gives. A run that `mlflow run` started is closed by it, one started
    here is closed here. Raises BadInput before the body when the store cannot be used.
    """
    if not params.mlflow.enabled:
        yield {}
        return
    given = "MLFLOW_RUN_ID" in os.environ
    store, parent = _open(params)
    status = "FAILED"
    summary: list[Step] = []
    try:
        yield {"MLFLOW_RUN_ID": parent, "MLFLOW_TRACKING_URI": tracking_uri()}
        status, summary = "FINISHED", [("the summary", lambda: _summarise(store, parent, reload))]
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        close = ("closing the run", lambda: store.client.set_terminated(parent, status))
        finish(parent, *summary, *([] if given else [close]))


def _summarise(store: Store, parent: str, reload: Callable[[], Any]) -> None:
    project_parent(store, parent, results.current_stages(), reload())


def _open(params: Any) -> tuple[Store, str]:
    who = owner.this_process()
    with lock():
        store = connect(params.mlflow)
        if "MLFLOW_RUN_ID" not in os.environ:
            return store, make_parent(store, who, None, {})
        parent = open_parent(store)
    store.client.set_tag(parent, f"{TAG}owner", who)
    return store, parent
