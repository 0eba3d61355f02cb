"""A ledger: a folder with one small JSON file for each finished job."""

import fcntl
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    process,
    wait,
)
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from benchmarks.core.jobs import Job, digest
from fbnet.errors import BadInput
from fbnet.files import read_json, write_json
from fbnet.processes import Pool
from fbnet.progress import say
from fbnet.search.workers import ThisProcess

TABLE = "table.json"
"""What `table` writes among the records."""
PATIENCE_S = 1.0
"""Seconds before a job that another process holds is tried again."""


@dataclass(frozen=True)
class Ledger:
    """Records in `folder`, in git; in `work` what jobs leave for others, checkpoints and locks.

    A record is `{digest, setting, result}`. It is written in one step when its job ends, so a run
    that is killed loses only the jobs that it was at. Several runs may share a folder: each job is
    locked while it is worked on.
    """

    folder: Path
    work: Path

    def path(self, job: Job) -> Path:
        """File of the record."""
        return self.folder / f"{job.name}.json"

    def file(self, job: Job) -> Path:
        """File outside git that the job leaves for those that need it."""
        return self.work / f"{job.name}-{job.digest}{job.leaves}"

    def state(self, job: Job) -> str:
        """`done`, `missing`, or `stale`: recorded with another setting."""
        record = self.read(job)
        if record is None:
            return "missing"
        return "done" if record["digest"] == job.digest else "stale"

    def read(self, job: Job) -> dict[str, Any] | None:
        """The record of a job, whatever its setting; None where there is none."""
        return read_json(self.path(job)) if self.path(job).exists() else None

    def result(self, job: Job) -> dict[str, Any] | None:
        """Result of a job, None before it is done.

        Raises BadInput for a record of another setting, and names the keys that differ.
        """
        record = self.read(job)
        if record is None:
            return None
        if record["digest"] != job.digest:
            raise BadInput(
                f"{self.path(job)}: {job.name} is recorded with another setting "
                f"({_difference(record, job)}); remove that record to run the job again"
            )
        result: dict[str, Any] = record["result"]
        return result

    def results(self, pattern: str = "*") -> dict[str, dict[str, Any]]:
        """Results by job name, sorted, as far as they are recorded; whatever their setting."""
        names = {
            path.relative_to(self.folder).with_suffix("").as_posix(): path
            for path in sorted(self.folder.rglob("*.json"))
            if path.name != TABLE
        }
        return {n: read_json(p)["result"] for n, p in names.items() if fnmatch(n, pattern)}

    def finished(self, job: Job, with_file: bool = False) -> bool:
        """Whether a job is recorded, and where asked for, what it leaves is there too."""
        there = not (with_file and job.leaves) or self.file(job).exists()
        return there and self.result(job) is not None

    def record(self, job: Job, result: Mapping[str, Any]) -> None:
        """Write the record of a finished job, in one step."""
        record = {"digest": job.digest, "setting": job.setting, "result": result}
        write_json(self.path(job), record)

    def run(self, jobs: Sequence[Job], processes: int = 1) -> None:
        """Do what is missing of `jobs` and of all that they need, `processes` jobs at once.

        Raises the error of the first job that fails, after those under way have ended, and
        BadInput where a record is stale or a process was killed.
        """
        waiting = self._open(jobs)
        count, started = len(waiting), time.monotonic()
        say(f"{self.folder.name}: {count} jobs to do, {processes} at once")
        running: dict[Future[bool], Job] = {}
        with _executor(min(processes, count)) as pool:
            while waiting or running:
                ready = [job for job in waiting if all(self.finished(n, True) for n in job.needs)]
                for job in ready[: processes - len(running)]:
                    waiting.remove(job)
                    running[pool.submit(self.attempt, job)] = job
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    job = running.pop(future)
                    if _answer(future, job):
                        done = count - len(waiting) - len(running)
                        seconds = time.monotonic() - started
                        say(f"{self.folder.name}: {done} of {count} in {seconds:.0f} s, {job.name}")
                    else:
                        waiting.append(job)

    def attempt(self, job: Job) -> bool:
        """Do a job unless it is done already; False while another process is at it."""
        with self._lock(job) as free:
            if not free:
                time.sleep(PATIENCE_S)
                return False
            if not self.finished(job, with_file=True):
                result = job.work(job, self)
                # What was published stays where only the file was lost.
                if self.result(job) is None:
                    self.record(job, result)
            return True

    def _open(self, jobs: Sequence[Job]) -> list[Job]:
        """Jobs that have to run, each after those that it needs."""
        ordered: dict[str, Job] = {}

        def visit(job: Job, with_file: bool) -> None:
            if job.name not in ordered and not self.finished(job, with_file):
                for need in job.needs:
                    visit(need, True)
                ordered[job.name] = job

        for job in jobs:
            visit(job, False)
        return list(ordered.values())

    @contextmanager
    def _lock(self, job: Job) -> Iterator[bool]:
        """Whether the job is ours; the system frees the lock of a process that is killed."""
        path = self.work / "locks" / job.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True


def _difference(record: Mapping[str, Any], job: Job) -> str:
    """Which keys differ between the setting of a record and that of its job."""
    if "setting" not in record:
        return "its digest is another"
    then, now = record["setting"], job.setting
    keys = sorted(then.keys() | now.keys())
    differ = [key for key in keys if digest(then.get(key)) != digest(now.get(key))]
    return ", ".join(differ) or "of a job that it needs"


def _executor(processes: int) -> Executor:
    return ThisProcess() if processes < 2 else Pool(processes)


def _answer(future: Future[bool], job: Job) -> bool:
    try:
        return future.result()
    except process.BrokenProcessPool:
        raise BadInput(
            f"a process was killed while at {job.name} or beside it (out of memory?); what is "
            "done is recorded, run again to resume"
        ) from None
