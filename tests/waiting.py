"""Waiting for another process or thread, with a deadline."""

import select
import time
from collections.abc import Callable
from pathlib import Path

STEP_S = 0.01


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether the condition came true within so many seconds; returns as soon as it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        select.select([], [], [], STEP_S)
    return True


def running(process: int) -> bool:
    """Whether a process is there and no zombie; on Linux."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
