"""Progress with rate and ETA: a rich bar on a terminal, plain lines elsewhere."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

from fbnet.errors import safe_point

T = TypeVar("T")
Log = Callable[[int, dict[str, float]], None]
"""Takes a step or epoch and its figures by name."""
PLAIN_INTERVAL_S = 10.0


def say(line: str) -> None:
    """Print one line at once, also through pipes."""
    print(line, flush=True)


def no_log(step: int, figures: dict[str, float]) -> None:
    """A Log that keeps nothing."""


def track(items: Iterable[T], what: str, total: int | None = None, unit: str = "it") -> Iterator[T]:
    """Yield `items` and show how far, how fast and how long still.

    `total` is the number of items; taken from `len(items)` where there is one. Of none, nothing is
    shown. Each step is a safe point, see `fbnet.errors.safe_point`.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    if total == 0:
        return
    shown = _bar if sys.stdout.isatty() else _lines
    for item in shown(items, what, total, unit):
        yield item
        safe_point()


def _bar(items: Iterable[T], what: str, total: int | None, unit: str) -> Iterator[T]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    rate = TextColumn("{task.fields[rate]}")
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task(what, total=total, rate="")
        for item in items:
            yield item
            speed = progress.tasks[0].speed
            progress.update(task, advance=1, rate=_speed(speed, unit) if speed else "")


def _lines(items: Iterable[T], what: str, total: int | None, unit: str) -> Iterator[T]:
    start = shown = time.monotonic()
    done = 0
    for item in items:
        yield item
        done += 1
        now = time.monotonic()
        if now - shown >= PLAIN_INTERVAL_S and done != total:
            shown = now
            say(_line(what, done, total, unit, now - start))
    say(_line(what, done, total, unit, time.monotonic() - start))


def _line(what: str, done: int, total: int | None, unit: str, elapsed_s: float) -> str:
    rate = done / max(elapsed_s, 1e-9)
    if total is None or done >= total:
        return f"{what}: {done} {unit} in {elapsed_s:.0f} s ({_speed(rate, unit)})"
    return (
        f"{what}: {done}/{total} {unit}, {_speed(rate, unit)}, {(total - done) / rate:.0f} s left"
    )


def _speed(rate: float, unit: str) -> str:
    """Items a second, or seconds an item where it takes longer than a second."""
    return f"{1 / rate:.3g} s/{unit}" if 0 < rate < 1 else f"{rate:.1f} {unit}/s"


RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
"""Set by torchrun, by Lightning Fabric for the processes that it starts, and by Slurm's srun."""


def is_rank_zero() -> bool:
    """Whether this is the process of rank zero: of several, it alone prints, tracks and writes."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)
