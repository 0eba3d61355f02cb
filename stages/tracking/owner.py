"""Which process a run belongs to, and whether that process still lives."""

import platform
from pathlib import Path

import psutil

START_TOLERANCE_S = 2.0
"""Start times are read against the boot time, which clock corrections move a little."""


def describe(process: psutil.Process) -> str:
    """`host:pid:start`: a pid alone is given out again."""
    return f"{platform.node()}:{process.pid}:{process.create_time():.2f}"


def this_process() -> str:
    """The owner string of this process."""
    return describe(psutil.Process())


def dvc_above() -> str | None:
    """The owner string of the nearest `dvc` among the processes above, None without one."""
    for process in psutil.Process().parents():
        try:
            if _is_dvc(process.cmdline()):
                return describe(process)
        except psutil.Error:
            continue
    return None


def _is_dvc(command: list[str]) -> bool:
    # `dvc repro`, `/venv/bin/python /venv/bin/dvc repro`, `python -m dvc repro`
    return command[1:3] == ["-m", "dvc"] or any(Path(word).name == "dvc" for word in command[:2])


def is_gone(owner: str) -> bool:
    """Whether the owner surely lives no more. Of other machines nothing is known: False."""
    host, pid, start = owner.rsplit(":", 2)
    if host != platform.node():
        return False
    try:
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(start)) < START_TOLERANCE_S
        return not same or process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True
