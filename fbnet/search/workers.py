"""Where independent trainings run: in this process, in several of this machine, on a cluster."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from fbnet.errors import BadInput, Failure
from fbnet.processes import Pool


class ThisProcess(Executor):
    """Does what is submitted at once: one job at a time needs no second process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future that is done."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def workers(
    count: int, scheduler: str = "", initializer: Callable[[], None] | None = None
) -> Iterator[Executor]:
    """An executor of `count` processes of this machine, or of the Dask cluster at `scheduler`.

    A cluster's workers need this package and a folder that all share; the job of a worker that is
    lost runs again on another. initializer: called first in each process of this machine. Where the
    body fails, processes of this machine end at once. Raises Failure where one was killed, and
    BadInput where Dask is missing or the scheduler does not answer.
    """
    if scheduler:
        with _cluster(scheduler) as executor:
            yield executor
        return
    if count == 1:
        yield ThisProcess()
        return
    others = set(multiprocessing.active_children())
    pool = Pool(count, initializer)
    try:
        yield pool
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - others:
            child.kill()  # files are written in one step
        if isinstance(error, BrokenProcessPool):
            message = "a process was killed (out of memory?); start again to resume"
            raise Failure(message) from error
        raise
    pool.shutdown()


@contextmanager
def _cluster(scheduler: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise BadInput(
            "search.predictor.scheduler: needs Dask: pip install 'fbnet-pfld[cluster]', or leave "
            "it empty"
        ) from None
    try:
        client = Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(
            f"search.predictor.scheduler: {scheduler} does not answer ({reason}); start "
            "`dask scheduler` there, or leave it empty"
        ) from None
    with client:
        # Not pure: two tasks of equal arguments would be one, files notwithstanding.
        yield client.get_executor(pure=False)
