"""Checkpoints: written whole, locked, keyed by what the run depends on."""

import builtins
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from fbnet.errors import BadInput, stop_on_signals
from fbnet.training import checkpoints
from fbnet.training.checkpoints import Checkpoint, checkpoint, fingerprint
from tests.waiting import started


def test_state_comes_back_and_the_folder_goes_on_success(tmp_path: Path) -> None:
    with checkpoint(tmp_path, "search", "k" * 64) as saved:
        assert saved.load() is None
        saved.save({"epoch": 3, "weights": {"a": torch.arange(4)}})
        state = saved.load()
        assert state is not None and state["epoch"] == 3
        assert torch.equal(state["weights"]["a"], torch.arange(4))
    assert list(tmp_path.iterdir()) == []


def test_state_stays_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), checkpoint(tmp_path, "search", "key") as saved:
        saved.save({"epoch": 1})
        raise RuntimeError("stopped")
    with checkpoint(tmp_path, "search", "key") as saved:
        assert saved.load() == {"epoch": 1}


def test_inner_checkpoints_do_not_mix(tmp_path: Path) -> None:
    saved = Checkpoint(tmp_path)
    saved.inner("0").save({"epoch": 1})
    assert saved.inner("1").load() is None
    assert saved.inner("0").load() == {"epoch": 1}


HOLD = """
import sys
from pathlib import Path
from fbnet.training.checkpoints import checkpoint
with checkpoint(Path(sys.argv[1]), "search", "key") as saved:
    print("held", flush=True)
    sys.stdin.read()
    saved.save({"epoch": 9})
"""


def test_a_second_process_waits_and_takes_the_finished_state_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"

        def end_the_holder(seconds: float) -> None:
            holder.communicate()

        monkeypatch.setattr(checkpoints.time, "sleep", end_the_holder)
        with checkpoint(tmp_path, "search", "key") as saved:
            assert saved.load() == {"epoch": 9}
    assert f"waiting for process {holder.pid}" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_stop_signal_ends_the_waiting(tmp_path: Path, stop_signals: None) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        stop_on_signals()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt), checkpoint(tmp_path, "search", "key"):
            pass
        holder.communicate()


def test_abandoned_checkpoints_are_removed_with_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def abandon(key: str, days: float) -> Path:
        with pytest.raises(RuntimeError), checkpoint(tmp_path, "search", key) as saved:
            saved.save({"epoch": 1})
            raise RuntimeError("stopped")
        then = time.time() - days * 86_400
        for path in saved.folder.iterdir():
            os.utime(path, (then, then))
        return saved.folder

    old, recent, newest = abandon("a" * 16, 31), abandon("b" * 16, 2), abandon("c" * 16, 1)
    with checkpoint(tmp_path, "search", "d" * 16):
        assert (old.exists(), recent.exists(), newest.exists()) == (False, True, True)
        assert "1 abandoned checkpoints removed" in capsys.readouterr().out
        monkeypatch.setattr(checkpoints, "KEPT_BYTES", 2000)
        with checkpoint(tmp_path, "search", "e" * 16):
            assert (recent.exists(), newest.exists()) == (False, True)


def test_checkpoints_that_others_remove_meanwhile_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = [tmp_path / f"search-{key * 16}" for key in "ab"]
    for folder in gone:
        folder.mkdir()
        (folder / "lock").touch()
    listed = Path.rglob

    def found(folder: Path, pattern: str) -> list[Path]:
        paths = list(listed(folder, pattern))
        if folder == gone[0]:
            shutil.rmtree(folder)
        return paths if folder == gone[0] else []

    monkeypatch.setattr(Path, "rglob", found)
    with checkpoint(tmp_path, "search", "c" * 16) as saved:
        assert saved.load() is None
    opened, tries = builtins.open, []

    def vanishing(path: Path, *arguments: Any, **named: Any) -> Any:
        if Path(path).name == "lock" and not tries:
            tries.append(path)
            shutil.rmtree(Path(path).parent)  # as its holder does
        return opened(path, *arguments, **named)

    monkeypatch.setattr(builtins, "open", vanishing)
    with checkpoint(tmp_path, "search", "d" * 16) as saved:
        saved.save({"epoch": 1})
    assert tries and list(tmp_path.iterdir()) == [gone[1]]


def test_a_broken_file_is_an_error_not_a_fresh_start(tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(BadInput, match="start afresh"):
        Checkpoint(tmp_path).load()


def test_fingerprint_changes_with_params_and_with_inputs(tmp_path: Path) -> None:
    file = tmp_path / "faces" / "images.npy"
    file.parent.mkdir()
    file.write_bytes(b"one")
    first = fingerprint({"lr": 1}, [file.parent], [])
    assert fingerprint({"lr": 1}, [file.parent], []) == first
    assert fingerprint({"lr": 2}, [file.parent], []) != first
    file.write_bytes(b"two")
    assert fingerprint({"lr": 1}, [file.parent], []) != first


def test_fingerprint_counts_the_named_code_alone(tmp_path: Path) -> None:
    package, plot = tmp_path / "training", tmp_path / "plots.py"
    package.mkdir()
    for file in (package / "loss.py", package / "loss.pyc", plot):
        file.write_text("one")
    first = fingerprint({}, [], [package])
    for irrelevant in (plot, package / "loss.pyc"):
        irrelevant.write_text("two")
        assert fingerprint({}, [], [package]) == first
    (package / "loss.py").write_text("two")
    assert fingerprint({}, [], [package]) != first
