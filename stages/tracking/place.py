"""Where runs are kept, and the lock that guards their making."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Log = Callable[[int, dict[str, float]], None]
"""`log(step, {name: value})`: what a training loop is given to report an epoch with."""

SQLITE = "sqlite:///"


def workspace() -> Path:
    """Folder of the repository that lasts.

    An experiment that DVC runs in a temporary copy stands elsewhere: DVC_ROOT names the repository.
    """
    if root := os.environ.get("DVC_ROOT"):
        return Path(root)
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "dvc.yaml").exists()), here)


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, else mlflow.db in the workspace; relative SQLite paths start there."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"
    path = uri.removeprefix(SQLITE)
    if uri.startswith(SQLITE) and not path.startswith("/"):
        return f"{SQLITE}{workspace() / path}"
    return uri


def artifact_folder() -> str | None:
    """Artifacts of a new experiment: mlruns/ in the workspace; a server decides for itself."""
    local = tracking_uri().startswith("sqlite:")
    return (workspace() / "mlruns").as_uri() if local else None


@contextmanager
def lock() -> Iterator[None]:
    """One process at a time in this workspace; freed by the system when its holder dies."""
    path = workspace() / ".fbnet" / "tracking.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
