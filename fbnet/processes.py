"""Processes that work beside this one: how they start, and how they end with it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from fbnet.errors import STOPPING


@contextmanager
def stops_held_back() -> Iterator[None]:
    """Start processes inside: a stop signal, which a terminal sends to all, reaches them later.

    One that is stopped while Python imports what it needs ends with a traceback, or pulls its
    starter down without a word. What is started inherits the blocked signals until `hear_stops`;
    this process gets its own at the end.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hear_stops() -> None:
    """Let stop signals reach this process, which was started with them held back."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


class Pool(ProcessPoolExecutor):
    """`count` processes of this machine that end when this one does.

    They are spawned: forked children would inherit torch's threads in an unknown state.
    `initializer(*arguments)` is called first in each.
    """

    def __init__(
        self,
        count: int,
        initializer: Callable[..., None] | None = None,
        arguments: tuple[Any, ...] = (),
    ) -> None:
        context = multiprocessing.get_context("spawn")
        with stops_held_back():  # Python's own process that watches over semaphores starts here
            super().__init__(count, context, _begin, (initializer, arguments))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As of any executor; this is where the processes start."""
        with stops_held_back():
            return super().submit(fn, *args, **kwargs)


def _begin(initializer: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if initializer:
        initializer(*arguments)
    hear_stops()


def _end_with_parent() -> None:
    """End a process whose parent was killed: it would wait for work for ever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
