"""The connection to MLflow: one client, made under a lock, that closes what died before."""

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
from stages.tracking import owner, view
from stages.tracking.place import artifact_folder, tracking_uri

Step = tuple[str, Callable[[], object]]
"""What is done, and the doing."""
TAG = "fbnet."
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
    """Open the store and its experiment, and close what died. Call it under the lock.

    A fresh database is made by the first connection, and two at once break it. Raises BadInput
    when the store cannot be used.
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
        store = Store(client, _experiment(client, settings.experiment), settings)
        close_dead(store)
    except mlflow.MlflowException as error:
        reason = textwrap.shorten(str(error), REASON_LENGTH)
        raise BadInput(f"MLflow at {uri} cannot be used ({reason}); {REMEDY}") from None
    return store


def _probe(uri: str) -> None:
    if not uri.startswith(("http://", "https://")):
        return
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=PROBE_TIMEOUT_S).close()
    except urllib.error.HTTPError:
        return  # it answers; whether it lets us in shows at the first call
    except (OSError, ValueError) as error:
        raise BadInput(f"MLflow server {uri} cannot be reached ({error}); {REMEDY}") from None


def _experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        made = client.create_experiment(name, artifact_location=artifact_folder())
        found = client.get_experiment(made)
    if found.lifecycle_stage != "active":
        raise BadInput(
            f"mlflow.experiment: {name!r} was deleted in MLflow; restore it or name another"
        )
    view.share(client, found)
    return str(found.experiment_id)


def close_dead(store: Store) -> None:
    """Close as KILLED the running runs whose process is gone: SIGKILL leaves no other trace.

    A parent with a living child is left alone: a killed `dvc` leaves its stage at work.
    """
    running = store.find("attributes.status = 'RUNNING'", everywhere=True)
    owners = {run.info.run_id: run.data.tags.get(f"{TAG}owner") for run in running}
    living = {
        run.data.tags.get(PARENT)
        for run in running
        if (who := owners[run.info.run_id]) and not owner.is_gone(who)
    }
    for run_id, who in owners.items():
        if who and owner.is_gone(who) and run_id not in living:
            store.client.set_terminated(run_id, "KILLED")


def attempt(what: str, action: Callable[[], object]) -> bool:
    """Do something with MLflow; say so on stderr when it fails. The result files are the truth."""
    try:
        action()
    except Exception as error:
        reason = textwrap.shorten(str(error) or type(error).__name__, REASON_LENGTH)
        print(f"MLflow: {what} failed ({reason}); results/ is not affected", file=sys.stderr)
        return False
    return True


def finish(run_id: str, *steps: Step) -> None:
    """Take the (name, action) steps that end a run, each on its own.

    None of them where the server has gone away since: a client would try for minutes.
    """
    if attempt(f"ending run {run_id}", lambda: _probe(tracking_uri())):
        for what, action in steps:
            attempt(what, action)
