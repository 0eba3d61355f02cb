"""The workspace that runs belong to: its store's address, its lock, and the processes at work."""

import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

SQLITE = "sqlite:///"
START_TOLERANCE_S = 2.0
"""Start times are read against the boot time, which clock corrections move a little."""


def workspace() -> Path:
    """Root of the repository.

    DVC runs an experiment in a temporary copy; DVC_ROOT then names the repository itself.
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


def artifact_location() -> str | None:
    """Artifacts of a new experiment: mlruns/ in the workspace; None lets a server decide."""
    local = tracking_uri().startswith("sqlite:")
    return (workspace() / "mlruns").as_uri() if local else None


@contextmanager
def lock() -> Iterator[None]:
    """One process at a time in this workspace; the system frees it when its holder dies."""
    path = workspace() / ".fbnet" / "tracking.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def owner_of(process: psutil.Process) -> str:
    """`host:pid:start`, which names a process for good: pids are used again."""
    return f"{platform.node()}:{process.pid}:{process.create_time():.2f}"


def this_process() -> str:
    """The owner string of this process."""
    return owner_of(psutil.Process())


def dvc_above() -> str | None:
    """The owner string of the nearest `dvc` among the processes above, None without one."""
    for process in psutil.Process().parents():
        try:
            command = process.cmdline()
            # `dvc repro`, `/venv/bin/python /venv/bin/dvc repro`, `python -m dvc repro`
            if command[1:3] == ["-m", "dvc"] or any(Path(w).name == "dvc" for w in command[:2]):
                return owner_of(process)
        except psutil.Error:
            continue
    return None


def is_gone(owner: str) -> bool:
    """Whether the owner has surely ended. Of other machines nothing is known: False."""
    host, pid, start = owner.rsplit(":", 2)
    if host != platform.node():
        return False
    try:
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(start)) < START_TOLERANCE_S
        return not same or process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True
