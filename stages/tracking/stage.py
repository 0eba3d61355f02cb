"""The run of one stage."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fbnet.progress import is_rank_zero
from stages.tracking import results
from stages.tracking.place import Log, lock
from stages.tracking.projection import flat, log_params, project_child, project_parent
from stages.tracking.runs import close_parent, open_child, open_parent
from stages.tracking.series import Series
from stages.tracking.store import Step, Store, attempt, connect, finish


@contextmanager
def stage_run(stage: str, params: Any) -> Iterator[Log]:
    """Track an attempt of `stage`; yields `log(step, numbers)` for its training loops.

    The body's end makes the run FINISHED, an exception FAILED, KeyboardInterrupt KILLED. Raises
    BadInput before the body when the store cannot be used; once it works, trouble with the store
    is told on stderr and never stops a stage.
    """
    if not params.mlflow.enabled or not is_rank_zero():
        yield _ignore
        return
    store, parent, child = _open(stage, params)
    series = Series(store, child)
    try:
        yield series.log
    except BaseException as error:
        status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        finish(child, *_closing(store, parent, child, stage, status))
        raise
    finish(
        child,
        ("logging the stage", lambda: project_child(store, child, stage, series)),
        ("the summary", lambda: _summarise(store, parent, stage, params)),
        *_closing(store, parent, child, stage, "FINISHED"),
    )


def _summarise(store: Store, parent: str, stage: str, params: Any) -> None:
    project_parent(store, parent, {stage, *results.current_stages()}, params)


def _open(stage: str, params: Any) -> tuple[Store, str, str]:
    values = flat(params)
    params_hash = hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:16]
    with lock():
        store = connect(params.mlflow)
        parent = open_parent(store)
        child = open_child(store, parent, stage, params_hash)
    own = {name: value for name, value in values.items() if name.startswith(f"{stage}.")}
    attempt("logging params", lambda: log_params(store, parent, values))
    attempt("logging params", lambda: log_params(store, child, own))
    return store, parent, child


def _closing(store: Store, parent: str, child: str, stage: str, status: str) -> list[Step]:
    return [
        ("closing the run", lambda: store.client.set_terminated(child, status)),
        ("closing the parent run", lambda: close_parent(store, parent, status, stage)),
    ]


def _ignore(step: int, numbers: dict[str, float]) -> None:
    pass
