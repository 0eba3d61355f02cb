"""What training leaves on disk: resumable state of unfinished runs, weights of finished ones."""

import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import torch
from lightning_fabric import Fabric
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes
from torch import Tensor, nn

from fbnet.errors import BadInput, safe_point
from fbnet.files import digest, is_alive, read_bytes, write_bytes, writing
from fbnet.progress import is_rank_zero, say


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
            state = torch.load(self._file, map_location="cpu", weights_only=True)
        except Exception as error:
            reason = type(error).__name__
        else:
            if isinstance(state, dict):
                return state
            reason = f"a {type(state).__name__} instead of a state"
        raise BadInput(
            f"{self._file}: cannot be read ({reason}); remove {self.folder} to start afresh"
        )

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
def checkpoint(
    root: Path, name: str, key: str, fabric: Fabric | None = None
) -> Iterator[Checkpoint]:
    """Hold the checkpoint of (`name`, `key`) under `root`; remove it when the body succeeds.

    `key` is a `fingerprint`. Where another live process holds the checkpoint, as of experiments
    that differ in a later stage only, it is waited for, and its finished state is taken over. Of
    several training processes, those of `fabric`, rank zero holds it; the others only read, and
    wait with it, so that all of them load the same state.
    """
    folder = root / f"{name}-{key[:16]}"
    if not is_rank_zero():
        while fabric is not None and not fabric.broadcast(None):
            pass  # rank zero waits
        yield Checkpoint(folder)
        return
    with _held(folder, fabric.broadcast if fabric is not None else lambda held: held):
        prune(root, folder)
        yield Checkpoint(folder)
        waiting = [p for p in folder.glob(f"{WAITING}*") if is_alive(int(p.name[len(WAITING) :]))]
        if not waiting:
            _remove(folder)


POLL_S = 0.2
"""Seconds between looks whether a checkpoint is free."""
LOCK, WAITING = "lock", "waiting-"
"""Files of a checkpoint: its holder's process, and one that waits, which names itself."""
REMOVED = ".removed"
"""How the name of a folder ends that is being removed."""


@contextmanager
def _held(folder: Path, tell: Callable[[bool], object]) -> Iterator[None]:
    """Hold the lock of a checkpoint's folder; the system frees it when the process dies.

    tell: takes, at every look, whether it is held now.
    """
    waiting = folder / f"{WAITING}{os.getpid()}"
    waited = False
    while True:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = open(folder / LOCK, "a+")  # noqa: SIM115
        except FileNotFoundError:  # the holder has removed the folder just now
            continue
        with lock:
            if _lock(lock) and _is_at(lock, folder / LOCK):
                waiting.unlink(missing_ok=True)
                lock.truncate(0)
                lock.write(str(os.getpid()))
                lock.flush()
                tell(True)
                yield
                return
            tell(False)
            if not waited:
                lock.seek(0)
                holder = lock.read().strip() or "unknown"
                say(f"{folder}: waiting for process {holder}, which is at work on this very run")
                waited = True
        with suppress(FileNotFoundError):  # the holder is removing the folder
            waiting.touch()
        safe_point()
        time.sleep(POLL_S)


def _remove(folder: Path) -> None:
    """Remove a checkpoint's folder at once for all who look for it: they find all of it or none."""
    gone = folder.with_name(f"{folder.name}-{os.getpid()}{REMOVED}")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _lock(stream: IO[str]) -> bool:
    """Lock an open file; whether nobody else holds it."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(stream: IO[str], path: Path) -> bool:
    """Whether an open file is the one at `path`: its holder may have removed it meanwhile."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


KEPT_DAYS, KEPT_BYTES = 30, 10 * 2**30
"""How long the checkpoint of an unfinished run is kept, and how much all of them may take."""


def prune(root: Path, own: Path) -> None:
    """Remove abandoned checkpoints under `root`, oldest first, and print a line about them.

    Abandoned are those older than KEPT_DAYS, and the oldest ones while all take more than
    KEPT_BYTES. `own`, and what another process holds, stays.
    """
    ages: list[tuple[float, int, Path]] = []
    for folder in root.iterdir():
        if folder.name.endswith(REMOVED):
            shutil.rmtree(folder, ignore_errors=True)
        elif re.fullmatch(r"\w+-[0-9a-f]{16}", folder.name) and (folder / LOCK).exists():
            with suppress(FileNotFoundError):  # its holder may remove it meanwhile
                states = [path.stat() for path in folder.rglob("*") if path.is_file()]
                newest = max((s.st_mtime for s in states), default=folder.stat().st_mtime)
                ages.append((newest, sum(status.st_size for status in states), folder))
    total, removed, freed = sum(size for _, size, _ in ages), 0, 0
    for changed, size, folder in sorted(ages):
        old = time.time() - changed > KEPT_DAYS * 86_400
        if folder == own or not (old or total > KEPT_BYTES):
            continue
        with suppress(FileNotFoundError), open(folder / LOCK, "r+") as lock:
            if _lock(lock) and _is_at(lock, folder / LOCK):
                _remove(folder)
                removed, freed, total = removed + 1, freed + size, total - size
    if removed:
        say(f"{root}: {removed} abandoned checkpoints removed ({freed / 2**20:.0f} MB)")


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    """A copy of the module's weights and statistics on the CPU, by name."""
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write tensors by name as safetensors, atomically; equal tensors give equal bytes."""
    write_bytes(path, save_bytes({name: tensor.contiguous() for name, tensor in weights.items()}))


LARGEST_WEIGHTS = 4 * 2**30
"""Bytes of a file of weights."""


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors by name from safetensors, which execute nothing when they are read.

    Raises BadInput on a missing or broken file.
    """
    try:
        return load_bytes(read_bytes(path, LARGEST_WEIGHTS))
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(f"{path}: not a safetensors file ({error})") from None


def load_into(module: nn.Module, weights: Mapping[str, Tensor], what: str) -> None:
    """Load weights by name into a net, all of them; `what` names the net in messages.

    Raises BadInput naming missing, unexpected or misshapen keys.
    """
    own = module.state_dict()
    problems = {
        "missing": [key for key in own if key not in weights],
        "unexpected": [key for key in weights if key not in own],
        "of another shape": [
            key for key in own if key in weights and own[key].shape != weights[key].shape
        ],
    }
    faults = [f"{kind}: {_few(keys)}" for kind, keys in problems.items() if keys]
    if faults:
        raise BadInput(f"{what}: weights do not fit the net; {'; '.join(faults)}")
    module.load_state_dict(dict(weights))


def _few(keys: list[str], most: int = 5) -> str:
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return ", ".join(keys[:most]) + more
