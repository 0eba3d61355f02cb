"""What a machine does to us: every write fails in every way, at every call; signals at any time."""

import builtins
import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from fbnet.errors import CannotWrite, exit_code
from fbnet.faces.faceset import FaceSet
from fbnet.files import (
    atomic_folder,
    remove_abandoned,
    replace_folder,
    write_bytes,
    write_csv,
    write_json,
    write_text,
)
from fbnet.training.checkpoints import Checkpoint, save_weights
from tests.waiting import started

ROOT = Path(__file__).parents[1]


class Stream:
    """An open file whose writes count as calls."""

    def __init__(self, stream: Any, call: Callable[[], None]) -> None:
        self.stream, self.call = stream, call

    def write(self, data: Any) -> Any:
        self.call()
        return self.stream.write(data)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *error: object) -> None:
        self.stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Machine:
    """Counts the calls that write; the one numbered `failing` raises an OSError."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.failing, self.code = 0, 0, errno.ENOSPC
        plain = builtins.open

        def open_counted(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
            if not set(mode) & set("wax+"):
                return plain(file, mode, *rest, **options)
            self.call()
            return Stream(plain(file, mode, *rest, **options), self.call)

        monkeypatch.setattr(builtins, "open", open_counted)
        monkeypatch.setattr(io, "open", open_counted)
        for name in ("replace", "mkdir", "posix_fallocate"):
            monkeypatch.setattr(os, name, self.counted(getattr(os, name)))

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.call()
            return function(*arguments, **options)

        return call

    def call(self) -> None:
        self.calls += 1
        if self.calls == self.failing:
            raise OSError(self.code, os.strerror(self.code))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    with monkeypatch.context() as patch:
        yield Machine(patch)


def into_folder(path: Path, faces: FaceSet) -> None:
    with atomic_folder(path) as folder:
        (folder / "a").mkdir()
        write_text(folder / "a" / "b.txt", "new")


def exchanged(path: Path, faces: FaceSet) -> None:
    source = path.with_name("source")
    try:
        source.mkdir()
        write_text(source / "a.txt", "new")
        replace_folder(source, path)
    finally:
        for file in source.glob("*"):
            file.unlink()
        if source.exists():
            source.rmdir()


WRITERS: dict[str, Callable[[Path, FaceSet], object]] = {
    "bytes": lambda path, faces: write_bytes(path, b"new"),
    "text": lambda path, faces: write_text(path, "new"),
    "json": lambda path, faces: write_json(path, {"new": 1}),
    "csv": lambda path, faces: write_csv(path, [{"new": 1}]),
    "weights": lambda path, faces: save_weights(path, {"new": torch.zeros(3)}),
    "checkpoint": lambda path, faces: Checkpoint(path).save({"epoch": 1}),
    "faces": lambda path, faces: faces.save(path),
    "folder": into_folder,
    "exchange": exchanged,
}
OF_FOLDERS = ("checkpoint", "faces", "folder", "exchange")


def state(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def restore(machine: Machine, folder: Path, files: dict[str, bytes]) -> None:
    machine.failing = 0
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("writer", WRITERS)
def test_every_failed_write_is_one_line_and_leaves_what_was(
    machine: Machine, tmp_path: Path, faces: FaceSet, writer: str, code: int, old: bool
) -> None:
    place, failures = tmp_path / "in" / "target", 0
    place.parent.mkdir()
    if old:
        file = place / "state.pt" if writer in OF_FOLDERS else place
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"old")
    machine.code, before = code, state(tmp_path)
    while True:
        machine.calls, machine.failing = 0, failures + 1
        try:
            WRITERS[writer](place, faces)
        except CannotWrite as error:
            assert "\n" not in str(error) and os.strerror(code) in str(error)
        except OSError:
            assert writer in ("folder", "exchange")  # a `mkdir` of the test's own
        else:
            if machine.calls < machine.failing:
                break
            # A failed `mkdir` of a folder that is there does no harm.
            restore(machine, tmp_path, before)
        assert state(tmp_path) == before, f"call {failures + 1}"
        failures += 1
    assert failures >= 3
    assert state(tmp_path) != before


def test_the_space_of_mapped_arrays_is_reserved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, faces: FaceSet
) -> None:
    def full(descriptor: int, offset: int, length: int) -> None:
        assert length > faces.images.nbytes
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(CannotWrite, match="No space left on device"):
        faces.save(tmp_path / "faces")
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_cannot_write_leaves_with_1_and_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert exit_code("x", lambda: write_text(tmp_path / "file" / "a.txt", "")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"x: {tmp_path}/file/a.txt: cannot be written (")


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for process in (ended.pid, os.getpid()):
        (tmp_path / f".a.json.{process}.tmp").touch()
    remove_abandoned(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f".a.json.{os.getpid()}.tmp"]


BUSY = """
import sys
from fbnet.errors import exit_code, stop_on_signals
from fbnet.progress import track
class Finalized:
    def __del__(self):
        sum(range(2000))
def work():
    for count in track(range(10**9), "busy"):
        if count == int(sys.argv[1]):
            print("up", flush=True)
        cycle = [Finalized()]
        cycle.append(cycle)
        sorted(range(50), key=lambda value: Finalized() and -value)
stop_on_signals()
sys.exit(exit_code("x", work))
"""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_signal_is_lost_in_finalizers_and_callbacks(signum: signal.Signals) -> None:
    """Most of the time is spent where Python drops exceptions."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    for rounds in (0, 3, 20, 100):
        # A caller such as nohup may ignore the signal, which children inherit.
        handler = signal.signal(signum, signal.SIG_DFL)
        with started(
            [sys.executable, "-c", BUSY, str(rounds)], cwd=ROOT, text=True, **pipes
        ) as process:
            signal.signal(signum, handler)
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            process.send_signal(signum)
            _, errors = process.communicate(timeout=20)
            assert (process.returncode, errors) == (1, "x: stopped; run it again to resume\n")
