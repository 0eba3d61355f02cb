"""The pipeline command: what of its arguments reaches DVC."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stages import pipeline

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A folder with params and one profile, and tracking off."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "params.yaml").read_text().replace("  enabled: true\n", "  enabled: false\n")
    Path("params.yaml").write_text(text)
    Path("data").symlink_to(ROOT / "data")
    Path("profiles").mkdir()
    Path("profiles/small.yaml").write_text("search: {epochs: 3}\nfetch: {root: 'a b'}\n")


@pytest.fixture
def commands(monkeypatch):
    """The commands that would have been run; each succeeds."""
    seen = []

    def record(command, environment):
        seen.append(command[2:])
        return 0

    monkeypatch.setattr(pipeline, "_wait", record)
    return seen


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ([], ["dvc", "repro"]),
        (["--profile", "", "--overrides", ""], ["dvc", "repro"]),
        (["-S", "search.lr=0.1"], ["dvc", "exp", "run", "-S", "search.lr=0.1"]),
        (
            ["--overrides", "a.b=1 'c.d=x y'"],
            ["dvc", "exp", "run", "-S", "a.b=1", "-S", "c.d=x y"],
        ),
        (["--search.lr", "0.2"], ["dvc", "exp", "run", "-S", "search.lr=0.2"]),
        (
            ["--profile", "small", "-S", "search.lr=1"],
            [
                *("dvc", "exp", "run", "-S", "search.epochs=3"),
                *("-S", 'fetch.root="a b"', "-S", "search.lr=1"),
            ],
        ),
    ],
)
def test_changes_make_an_experiment_and_none_a_repro(commands, arguments, command):
    assert pipeline.main(arguments) == 0
    assert commands == [command]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--profile", "tny"], "no such profile"),
        (["--search.lr"], "--search.lr: not understood"),
        (["--lr", "0.1"], "not understood"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_code_2(commands, capsys, arguments, told):
    assert pipeline.main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert commands == []


def test_a_failing_pipeline_is_exit_code_1(monkeypatch):
    monkeypatch.setattr(pipeline, "_wait", lambda command, environment: 255)
    assert pipeline.main([]) == 1


SLEEPER = "import signal, sys; print('up', flush=True); signal.sigwait([signal.SIGINT])"


def test_stopping_the_command_stops_the_whole_group():
    """SIGTERM reaches what DVC started, which would go on as an orphan."""
    code = (
        "import os, sys; from stages import pipeline;"
        f"pipeline._wait([sys.executable, '-c', {SLEEPER!r}], dict(os.environ))"
    )
    command = [sys.executable, "-c", code]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        assert process.stdout.readline() == "up\n"
        process.terminate()
        # The pipe closes only when the sleeper, which holds it too, has ended.
        assert process.stdout.read() == ""
        assert "KeyboardInterrupt" in process.stderr.read()


def test_a_signal_while_it_is_being_started_is_not_lost(monkeypatch):
    start = subprocess.Popen

    def start_and_be_stopped(*arguments, **options):
        process = start(*arguments, **options)
        os.kill(os.getpid(), signal.SIGTERM)
        return process

    monkeypatch.setattr(subprocess, "Popen", start_and_be_stopped)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        pipeline._wait([sys.executable, "-c", SLEEPER], dict(os.environ))
    assert signal.getsignal(signal.SIGTERM) == before
