"""Many faces over processes: in order, with little memory, the same whatever the number."""

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor

import cv2

from fbnet.faces.synthetic.head import Head
from fbnet.faces.synthetic.scene import Face, render
from fbnet.params import SyntheticParams

CHUNK = 16
"""Faces a worker renders in one go."""
AHEAD = 3
"""Chunks per worker under way or waiting to be taken."""
_job: tuple[Head, SyntheticParams, int, int] | None = None


def render_many(
    head: Head,
    params: SyntheticParams,
    indices: Iterable[int],
    size: int = 112,
    margin: int = 24,
    workers: int = 1,
) -> Iterator[Face]:
    """Yield the faces of `indices` in order; `workers` processes, none but this one if 1.

    Workers are spawned, so a script that calls this needs the usual `if __name__ == "__main__"`.
    """
    if workers <= 1:
        yield from (render(head, params, index, size, margin) for index in indices)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start, (head, params, size, margin)) as pool:
        waiting: deque[Future[list[Face]]] = deque()
        try:
            for chunk in _chunks(indices):
                waiting.append(pool.submit(_render_chunk, chunk))
                if len(waiting) >= AHEAD * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _chunks(indices: Iterable[int]) -> Iterator[list[int]]:
    chunk: list[int] = []
    for index in indices:
        chunk.append(int(index))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _start(head: Head, params: SyntheticParams, size: int, margin: int) -> None:
    """What each worker does first. One thread each: the processes are the parallelism."""
    global _job
    cv2.setNumThreads(1)
    _job = (head, params, size, margin)


def _render_chunk(indices: list[int]) -> list[Face]:
    if _job is None:
        raise RuntimeError("the worker was not started by render_many")
    head, params, size, margin = _job
    return [render(head, params, index, size, margin) for index in indices]
