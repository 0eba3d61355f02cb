"""Long computations that each leave one small JSON file, so that an interrupted run goes on."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from fbnet.files import read_json, write_json
from fbnet.progress import say, track


@dataclass(frozen=True)
class Job:
    """`work(*arguments)` gives what `path` is to hold; both are picklable."""

    path: Path
    work: Callable[..., dict[str, Any]]
    arguments: tuple[Any, ...]

    @property
    def result(self) -> dict[str, Any] | None:
        """What the file holds, None before the job is done."""
        return read_json(self.path) if self.path.exists() else None

    def run(self) -> Path:
        """Work, then write the whole file."""
        write_json(self.path, self.work(*self.arguments))
        return self.path


def results(jobs: Mapping[str, Job]) -> dict[str, dict[str, Any]]:
    """What the finished jobs left, by their names."""
    return {name: found for name, job in jobs.items() if (found := job.result)}


def run(jobs: Sequence[Job], what: str, processes: int = 1) -> None:
    """Run the jobs whose file is missing, in order, `processes` at a time."""
    waiting = [job for job in jobs if not job.path.exists()]
    say(f"{what}: {len(jobs) - len(waiting)} of {len(jobs)} are there already")
    if processes == 1 or len(waiting) < 2:
        for job in track(waiting, what, unit="job"):
            job.run()
        return
    # Forked children would inherit torch's threads in an unknown state.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        started = [pool.submit(job.run) for job in waiting]
        try:
            for done in track(as_completed(started), what, total=len(waiting), unit="job"):
                done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
