"""The processes at work, by names that outlast them: who owns a run, and whether it has ended."""

import platform
from pathlib import Path

import psutil

START_TOLERANCE_S = 2.0
"""Start times are read against the boot time, which clock corrections move a little."""


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
