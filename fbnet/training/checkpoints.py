"""What training leaves on disk: resumable state of unfinished runs, weights of finished ones."""

import fcntl
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes
from torch import Tensor, nn

from fbnet.errors import BadInput
from fbnet.files import digest, write_bytes
from fbnet.progress import is_rank_zero


def fingerprint(params: Any, inputs: Iterable[Path], code: Iterable[Path]) -> str:
    """Digest of what an unfinished run depends on, as 64 hex digits.

    params: anything JSON can hold. inputs: files, or folders, of which every file counts. code:
    Python files, or folders, of which every .py counts; leave out what cannot change a number, or
    an edit there discards the unfinished run. The version of torch counts too.
    """
    record = {
        "params": params,
        "inputs": [digest(file) for path in inputs for file in _files(path, "*")],
        "code": [digest(file) for path in code for file in _files(path, "*.py")],
        "torch": torch.__version__,
    }
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _files(path: Path, pattern: str) -> list[Path]:
    """`path` itself, or the files in it in an order that the machine does not change."""
    return sorted(p for p in path.rglob(pattern) if p.is_file()) if path.is_dir() else [path]


class Checkpoint:
    """State of an unfinished run: plain tensors and numbers, written in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "state.pt"

    def load(self) -> dict[str, Any] | None:
        """The last saved state, or None. Raises BadInput on a file that cannot be read."""
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
def checkpoint(root: Path, name: str, key: str) -> Iterator[Checkpoint]:
    """Hold the checkpoint of (`name`, `key`) under `root`; remove it when the body succeeds.

    `key` is a `fingerprint`. Raises BadInput when another live process holds the checkpoint. Of
    several training processes rank zero holds it and the others only read.
    """
    folder = root / f"{name}-{key[:16]}"
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


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    """A copy of the module's weights and statistics on the CPU, by name."""
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write tensors by name as safetensors, atomically; equal tensors give equal bytes."""
    write_bytes(path, save_bytes({name: tensor.contiguous() for name, tensor in weights.items()}))


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors by name from safetensors, which execute nothing when they are read.

    Raises BadInput on a missing or broken file.
    """
    try:
        return load_bytes(path.read_bytes())
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except Exception as error:
        raise BadInput(f"{path}: not a safetensors file ({error})") from None
