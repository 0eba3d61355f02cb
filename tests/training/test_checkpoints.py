"""Checkpoints: written whole, locked, keyed by what the run depends on."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fbnet.errors import BadInput
from fbnet.training.checkpoints import Checkpoint, checkpoint, fingerprint


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


def test_a_second_process_learns_who_holds_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fbnet.training.checkpoints import checkpoint\n"
        f"with checkpoint(Path({str(tmp_path)!r}), 'search', 'key'): print('held', flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(BadInput, match=f"process {holder.pid} is still at work"),
            checkpoint(tmp_path, "search", "key"),
        ):
            pass
        holder.communicate()


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
