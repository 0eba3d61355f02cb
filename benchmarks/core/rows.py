"""A ledger for hundreds of small results: a row of one CSV file each, not a file."""

import fcntl
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from fbnet.files import read_csv, write_csv

FILE = "table.csv"


@dataclass(frozen=True)
class RowLedger(Ledger):
    """Records as rows of `folder`/table.csv, in the order of their names.

    A row is `job`, the columns of the result, and `digest` of the job's setting. A result is flat:
    text and numbers, which are text when they are read again.
    """

    def path(self, job: Job) -> Path:
        """File of all records."""
        return self.folder / FILE

    def read(self, job: Job) -> dict[str, Any] | None:
        """Digest and result of a job's row, None where there is none."""
        row = self._rows().get(job.name)
        return {"digest": row["digest"], "result": _result(row)} if row else None

    def results(self, pattern: str = "*") -> dict[str, dict[str, Any]]:
        """Results by job name, sorted, as far as they are recorded; whatever their setting."""
        rows = self._rows().items()
        return {name: _result(row) for name, row in rows if fnmatch(name, pattern)}

    def record(self, job: Job, result: Mapping[str, Any]) -> None:
        """Add the row of a finished job to the file, which is replaced in one step."""
        self.work.mkdir(parents=True, exist_ok=True)
        with open(self.work / f"{FILE}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            rows = dict(self._rows())
            rows[job.name] = {"job": job.name, **result, "digest": job.digest}
            write_csv(self.folder / FILE, [rows[name] for name in sorted(rows)])

    def _rows(self) -> Mapping[str, Mapping[str, str]]:
        """Rows by job name; read again when the file has changed."""
        path = self.folder / FILE
        if not path.exists():
            return {}
        status = path.stat()
        return _read(path, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=4)
def _read(path: Path, changed: int, inode: int) -> Mapping[str, Mapping[str, str]]:
    return {row["job"]: row for row in read_csv(path)}


def _result(row: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name not in ("job", "digest")}
