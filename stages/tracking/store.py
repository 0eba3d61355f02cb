"""The connection to MLflow: one client, opened under a lock, that closes runs of dead processes."""

import logging
import os
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fbnet.errors import BadInput
from stages.params import MlflowParams
from stages.tracking import view
from stages.tracking.workspace import artifact_location, is_gone, lock, tracking_uri

Step = tuple[str, Callable[[], object]]
"""What is done, for messages, and the action."""
TAG = "fbnet."
OWNER = f"{TAG}owner"
PARENT = "mlflow.parentRunId"
PROBE_TIMEOUT_S = 10.0
REASON_LENGTH = 200
REMEDY = "start it, unset MLFLOW_TRACKING_URI, or set mlflow.enabled: false"
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}


@dataclass(frozen=True)
class Store:
    """An MLflow client and the experiment that runs go to."""

    client: Any
    experiment: str
    settings: MlflowParams

    def find(self, condition: str, everywhere: bool = False) -> list[Any]:
        """Runs that meet an MLflow filter, newest first, here or in all experiments."""
        all_ids = (e.experiment_id for e in self.client.search_experiments()) if everywhere else ()
        return list(self.client.search_runs(list(all_ids) or [self.experiment], condition))


def connect(settings: MlflowParams) -> Store:
    """Open the store and its experiment, and close dead runs. Call it under the lock.

    The first connection creates the database; two at once would break it. Raises BadInput when the
    store cannot be used.
    """
    uri = tracking_uri()
    _probe(uri)
    os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        mlflow.set_tracking_uri(uri)
        client = mlflow.MlflowClient()
        store = Store(client, _open_experiment(client, settings.experiment), settings)
        close_dead(store)
    except mlflow.MlflowException as error:
        reason = textwrap.shorten(str(error), REASON_LENGTH)
        raise BadInput(f"MLflow at {uri} cannot be used ({reason}); {REMEDY}") from None
    return store


def _probe(uri: str) -> None:
    """Raise BadInput where a server does not answer: MLflow's client would retry for minutes."""
    if not uri.startswith(("http://", "https://")):
        return
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=PROBE_TIMEOUT_S).close()
    except urllib.error.HTTPError:
        return  # it answers; whether it lets us in shows at the first call
    except (OSError, ValueError) as error:
        raise BadInput(f"MLflow server {uri} cannot be reached ({error}); {REMEDY}") from None


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
    view.share(client, experiment)
    return str(experiment.experiment_id)


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
    """`name`, `metrics`, `params` of each finished pipeline run of an experiment, oldest first.

    Runs of single stages are left out. Raises BadInput when there is no such experiment.
    """
    with lock():
        client = connect(MlflowParams()).client
    entry = client.get_experiment_by_name(experiment)
    if entry is None:
        known = ", ".join(e.name for e in client.search_experiments())
        raise BadInput(f"{experiment}: no such MLflow experiment; there are: {known}")
    runs = client.search_runs([entry.experiment_id], "attributes.status = 'FINISHED'")[::-1]
    return [
        {
            "name": run.info.run_name,
            "metrics": dict(run.data.metrics),
            "params": dict(run.data.params),
        }
        for run in runs
        if PARENT not in run.data.tags
    ]


def attempt(what: str, action: Callable[[], object]) -> bool:
    """Do something with MLflow; report a failure on stderr. The result files are the truth."""
    try:
        action()
    except Exception as error:
        reason = textwrap.shorten(str(error) or type(error).__name__, REASON_LENGTH)
        print(f"MLflow: {what} failed ({reason}); results/ is not affected", file=sys.stderr)
        return False
    return True


def finish(run_id: str, *steps: Step) -> None:
    """Take the (name, action) steps that end a run, each on its own.

    None of them is tried when the server has gone away: a client would retry for minutes.
    """
    if attempt(f"ending run {run_id}", lambda: _probe(tracking_uri())):
        for what, action in steps:
            attempt(what, action)
