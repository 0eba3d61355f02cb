"""Waiting for another process or thread, with a deadline."""

import select
import time
from collections.abc import Callable

STEP_S = 0.01


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether the condition came true within so many seconds; returns as soon as it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        select.select([], [], [], STEP_S)
    return True
