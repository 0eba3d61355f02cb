"""Resumable state: a folder keyed by what the run depends on, locked while a run is at work."""

import fcntl
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from fbnet.errors import BadInput
from fbnet.files import digest, write_bytes
from fbnet.progress import is_rank_zero

PACKAGE = Path(__file__).parents[1]


def fingerprint(params: Any, inputs: Iterable[Path]) -> str:
    """Digest of params (JSON-able), input files (folders: every file in them) and this code."""
    record = {
        "params": params,
        "inputs": [digest(file) for path in inputs for file in _files(path)],
        "code": [digest(file) for file in sorted(PACKAGE.rglob("*.py"))],
        "torch": torch.__version__,
    }
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


class Checkpoint:
    """State of an unfinished run: plain tensors and numbers, written in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "state.pt"

    def load(self) -> dict[str, Any] | None:
        """The last saved state, or None. A file that cannot be read is BadInput, never skipped."""
        if not self._file.exists():
            return None
        try:
            return torch.load(self._file, weights_only=True)
        except Exception as error:
            raise BadInput(
                f"{self._file}: cannot be read ({type(error).__name__}); remove {self.folder} to "
                f"start afresh"
            ) from error

    def save(self, state: dict[str, Any]) -> None:
        """Replace the saved state; only rank zero writes it."""
        if not is_rank_zero():
            return
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_bytes(self._file, buffer.getvalue())

    def inner(self, name: str) -> "Checkpoint":
        """A checkpoint of its own for one part of the run, under the same lock."""
        return Checkpoint(self.folder / name)


@contextmanager
def checkpoint(root: Path, stage: str, key: str) -> Iterator[Checkpoint]:
    """Hold the checkpoint of (`stage`, `key`) under `root`; remove it when the body succeeds.

    Raises BadInput when another live process holds it, such as a trainer left by a killed `dvc`.
    Of several training processes the first holds it and the others read only.
    """
    folder = root / f"{stage}-{key[:16]}"
    if not is_rank_zero():
        yield Checkpoint(folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a+") as lock:
        _acquire(lock, folder)
        yield Checkpoint(folder)
        shutil.rmtree(folder)


def _acquire(lock: Any, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        raise BadInput(
            f"{folder}: process {holder} is still at work on this very run; wait for it, or stop "
            f"it with `kill {holder}`"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
