"""The connection to MLflow: one client, opened under a lock, that closes runs of dead processes."""

import json
import logging
import os
import sqlite3
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from fbnet.errors import BadInput
from fbnet.files import read_json, write_text
from stages.params import MlflowParams
from stages.tracking.address import (
    REASON_LENGTH,
    REMEDY,
    SQLITE,
    artifact_location,
    database,
    hide_credentials,
    require_usable,
    tracking_uri,
    workspace,
)
from stages.tracking.processes import is_gone

Step = tuple[str, Callable[[], object]]
"""What is done, for messages, and the action."""
TAG = "fbnet."
OWNER = f"{TAG}owner"
PARENT = "mlflow.parentRunId"
FACES = f"{TAG}faces"
"""Tag: runs of equal value were scored on the same faces."""
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # an address may hold a password
}
MOVED_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
"""Where MLflow's database keeps absolute addresses of artifacts."""


@dataclass(frozen=True)
class Store:
    """An MLflow client and the experiment that runs go to."""

    client: Any
    experiment: str
    settings: MlflowParams

    def find(self, condition: str, everywhere: bool = False) -> list[Any]:
        """All runs that meet an MLflow filter, newest first, here or in all experiments."""
        ids = [self.experiment]
        if everywhere:
            ids = [e.experiment_id for e in pages(self.client.search_experiments)]
        return list(pages(self.client.search_runs, ids, condition))


def pages(search: Callable[..., Any], *arguments: Any) -> Iterator[Any]:
    """All that one of the client's searches finds; MLflow answers in pages."""
    token = None
    while True:
        page = search(*arguments, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def connect(settings: MlflowParams) -> Store:
    """Open the store and its experiment, and close dead runs. Call it under the lock.

    The first connection creates the database; two at once would break it. Raises BadInput when the
    store cannot be used.
    """

    def opened() -> Store:
        follow_copy()
        client = _client()
        store = Store(client, _open_experiment(client, settings.experiment), settings)
        settle(store)
        close_dead(store)
        return store

    require_usable()
    return in_one_line(opened)


def _client() -> Any:
    """MLflow's client, connected.

    It leaves no folder that nobody asked for: MLflow makes one for artifacts, and the database's
    under its name as the address has it, with %XX for some letters.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in SETTINGS.items()})
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    mlflow.set_tracking_uri(tracking_uri())
    written = Path(tracking_uri().removeprefix(SQLITE).partition("?")[0]).parent
    folders = [Path("mlruns"), *([written, *written.parents] if database() else [])]
    unwanted = [folder for folder in folders if not folder.exists()]
    client = mlflow.MlflowClient()
    client.search_experiments(max_results=1)
    for folder in unwanted:
        with suppress(OSError):
            folder.rmdir()
    return client


def in_one_line(action: Callable[[], Any]) -> Any:
    """The action's result. Raises BadInput for whatever MLflow and its drivers raise."""
    try:
        return action()
    except BadInput:
        raise
    except Exception as error:
        text = hide_credentials(str(error) or type(error).__name__)
        reason = textwrap.shorten(text, REASON_LENGTH)
        address = hide_credentials(tracking_uri())
        raise BadInput(f"MLflow at {address} cannot be used ({reason}); {REMEDY}") from None


def _open_experiment(client: Any, name: str) -> str:
    """Id of the experiment of that name, which is created where there is none."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        number = client.create_experiment(name, artifact_location=artifact_location())
        experiment = client.get_experiment(number)
    if experiment.lifecycle_stage != "active":
        raise BadInput(
            f"mlflow.experiment: {name!r} was deleted in MLflow; restore it or name another"
        )
    return str(experiment.experiment_id)


def follow_copy() -> None:
    """Let artifacts follow the workspace's own mlflow.db where that was copied or moved.

    MLflow keeps absolute addresses: a copied clone would write into the old one. Those of old runs
    change where their artifacts came along. Where the database was made is where its experiment 0
    lies; an experiment whose artifacts lie anywhere else keeps them there.
    """
    path, here = database(), artifact_location()
    if path is None or here is None or path != workspace() / "mlflow.db" or not path.exists():
        return
    with closing(sqlite3.connect(path)) as opened, opened:
        if not opened.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchone():
            return
        rows = opened.execute("SELECT artifact_location FROM experiments WHERE experiment_id = 0")
        made = unquote((rows.fetchone() or ("",))[0].removeprefix("file://")).removesuffix("/0")
        known = made.startswith("/") and made.endswith("/mlruns")
        if not known or Path(made) == path.parent / "mlruns":
            return
        moved = {made, Path(made).as_uri()}
        came_along = (path.parent / "mlruns").is_dir()
        for location in sorted(moved):
            for table, column in MOVED_COLUMNS if came_along else MOVED_COLUMNS[:1]:
                opened.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (here, len(location) + 1, location, len(location) + 1, f"{location}/"),
                )
    for location in sorted(moved):
        if location.startswith("file:"):  # the other is that of MLflow's empty default experiment
            print(f"MLflow: {path} is a copy; its artifacts lay in {location} and go to {here}")


def settle(store: Store) -> None:
    """Close the runs whose server had gone away when they ended, as they ended."""
    kept, address = _postponed(), hide_credentials(tracking_uri())
    for run_id, status in kept.pop(address, {}).items():
        if store.client.get_run(run_id).info.status == "RUNNING":
            store.client.set_terminated(run_id, status)
        write_text(_postponed_path(), json.dumps(kept))


def _postpone(ends: Mapping[str, str]) -> None:
    """Keep the status of ended runs for the next connection."""
    kept, address = _postponed(), hide_credentials(tracking_uri())
    kept[address] = kept.get(address, {}) | dict(ends)
    write_text(_postponed_path(), json.dumps(kept))


def _postponed() -> dict[str, dict[str, str]]:
    """{address: {run id: status}} of runs whose end no server has recorded."""
    path = _postponed_path()
    return dict(read_json(path)) if path.exists() else {}


def _postponed_path() -> Path:
    return workspace() / ".fbnet" / "ended_runs.json"


def close_dead(store: Store) -> None:
    """Close as KILLED the running runs whose process is gone: SIGKILL leaves no other trace.

    A parent with a live child is left alone: a killed `dvc` leaves its stage at work.
    """
    running = store.find("attributes.status = 'RUNNING'", everywhere=True)
    owned = [run for run in running if OWNER in run.data.tags]
    gone = {run.info.run_id: is_gone(run.data.tags[OWNER]) for run in owned}
    parents = {run.data.tags.get(PARENT) for run in owned if not gone[run.info.run_id]}
    for run_id, is_dead in gone.items():
        if is_dead and run_id not in parents:
            store.client.set_terminated(run_id, "KILLED")


def finished_runs(experiment: str) -> list[dict[str, Any]]:
    """The rows (`as_row`) of an experiment's finished pipeline runs, oldest first.

    Runs of single stages are left out. Nothing is created. Raises BadInput when there is no such
    experiment, or no store.
    """

    def finished(client: Any) -> list[Any]:
        ids = [experiment_of(client, experiment).experiment_id]
        return list(pages(client.search_runs, ids, "attributes.status = 'FINISHED'"))

    return [as_row(run) for run in reversed(read(finished)) if PARENT not in run.data.tags]


def read(question: Callable[[Any], Any]) -> Any:
    """What `question` makes of a client that only reads. Raises BadInput as `finished_runs`."""
    require_usable(write=False)
    return in_one_line(lambda: question(_client()))


def experiment_of(client: Any, name: str) -> Any:
    """The experiment of that name. Raises BadInput that lists those there are."""
    entry = client.get_experiment_by_name(name)
    if entry is None:
        known = ", ".join(e.name for e in pages(client.search_experiments))
        raise BadInput(f"{name}: no such MLflow experiment; there are: {known}")
    return entry


def as_row(run: Any) -> dict[str, Any]:
    """A run as the comparison takes it: `name`, `faces`, `metrics`, `params`.

    Runs of equal `faces` were scored on the same ones; "" where that was not recorded.
    """
    return {
        "name": run.info.run_name,
        "faces": run.data.tags.get(FACES, ""),
        "metrics": dict(run.data.metrics),
        "params": dict(run.data.params),
    }


def attempt(what: str, action: Callable[[], object]) -> bool:
    """Do something with MLflow; report a failure on stderr. The result files are the truth."""
    try:
        action()
    except Exception as error:
        text = hide_credentials(str(error) or type(error).__name__)
        reason = textwrap.shorten(text, REASON_LENGTH)
        print(f"MLflow: {what} failed ({reason}); results/ is not affected", file=sys.stderr)
        return False
    return True


def finish(ends: Mapping[str, str], *steps: Step) -> None:
    """Take the (name, action) steps that end runs, each on its own.

    ends: {run id: status} as the steps leave them. Where a step fails, or the server has gone away
    (then none is tried: a client would retry for minutes), the next connection closes those runs.
    """
    reached = attempt("ending the run", require_usable)
    if not (reached and all([attempt(what, action) for what, action in steps])):
        attempt("keeping its end for later", lambda: _postpone(ends))
