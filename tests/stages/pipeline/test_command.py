"""The pipeline command: which params a run has."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fbnet.errors import stop_on_signals
from stages import pipeline, runner
from stages.params import Params, ReportParams, load, render
from tests.waiting import started

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A folder with params and one profile, and tracking off."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(render({"mlflow": {"enabled": False}}))
    for folder in ("profiles", "data", "a b", "x (1) #y"):
        Path(folder).mkdir()
    baselines = Path(ReportParams().baselines)
    baselines.parent.mkdir(parents=True)
    baselines.write_text("[]")
    Path("profiles/small.yaml").write_text("search: {epochs: 3}\nfetch: {root: 'a b'}\n")


@pytest.fixture
def runs(monkeypatch):
    """The params that each run of `dvc repro` would have had; each succeeds."""
    seen = []

    def record(command, environment):
        assert command[2:] == ["dvc", "repro"]
        seen.append(load())
        return 0

    monkeypatch.setattr(pipeline, "wait_for", record)
    return seen


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        ([], {}),
        (["--profile", "", "--overrides", ""], {}),
        (["-S", "search.lr=0.1"], {"search": {"lr": 0.1}}),
        (
            ["--overrides", "search.lr=1 'fetch.root=x (1) #y'"],
            {"search": {"lr": 1.0}, "fetch": {"root": "x (1) #y"}},
        ),
        (["--search.lr", "0.2"], {"search": {"lr": 0.2}}),
        (
            ["--profile", "small", "-S", "search.warmup_epochs=1"],
            {"search": {"epochs": 3, "warmup_epochs": 1}, "fetch": {"root": "a b"}},
        ),
    ],
)
def test_changes_are_in_force_for_the_run_alone(runs, capsys, arguments, changed):
    before = Path("params.yaml").read_bytes()
    assert pipeline.main(arguments) == 0
    assert runs == [Params.model_validate({"mlflow": {"enabled": False}, **changed})]
    assert Path("params.yaml").read_bytes() == before
    assert ("results/ are of" in capsys.readouterr().out) == bool(changed)


def test_what_differs_from_the_committed_params_is_shown(runs, capsys):
    assert pipeline.main(["--profile", "small", "-S", "search.warmup_epochs=1"]) == 0
    shown = capsys.readouterr().out
    for part in ("search.epochs: 3 (16)", 'fetch.root: "a b" ("data")', "mlflow.enabled: false"):
        assert part in shown
    assert "results/ are of profile small and overrides" in shown


def test_mlflow_can_be_turned_off_for_one_run(runs, monkeypatch):
    """The override is in force before the store would be opened."""
    Path("params.yaml").write_text(render({}))
    monkeypatch.setattr("stages.tracking.runs.connect", None)
    assert pipeline.main(["--overrides", "mlflow.enabled=false"]) == 0
    assert not runs[0].mlflow.enabled


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--profile", "tny"], "no such profile"),
        (["--search.lr"], "--search.lr: not understood"),
        (["--lr", "0.1"], "not understood"),
        (["-S", "search.lr"], "'search.lr': not understood"),
        (["--overrides", "fetch.root='a"], "no closing quotation"),
        (["-S", "search.lrr=1"], "search.lrr is no known key"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_code_2(runs, capsys, arguments, part):
    assert pipeline.main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert part in line
    assert runs == []


@pytest.mark.parametrize("git", [True, False], ids=["clone", "unpacked ZIP"])
def test_dvc_works_with_git_and_without(git):
    if git:
        subprocess.run(["git", "init", "-q"], check=True)
    Path(".dvc").mkdir()
    Path(".dvc/config").touch()
    Path("dvc.yaml").write_text("stages: {only: {cmd: touch made, outs: [made]}}\n")
    with pipeline.dvc_settings() as settings:
        assert bool(settings) is not git
        subprocess.run(
            [sys.executable, "-m", "dvc", "repro"], env=os.environ | settings, check=True
        )
    assert Path("made").exists() and Path(".dvc/config").read_text() == ""


def test_a_failing_pipeline_is_exit_code_1(monkeypatch):
    before = Path("params.yaml").read_bytes()
    monkeypatch.setattr(pipeline, "wait_for", lambda command, environment: 255)
    assert pipeline.main(["-S", "search.lr=1"]) == 1
    assert Path("params.yaml").read_bytes() == before


SLEEPER = "import signal, sys; print('up', flush=True); signal.sigwait([signal.SIGINT])"


def test_stopping_the_command_stops_the_whole_group():
    """SIGTERM reaches what DVC started, which would go on as an orphan."""
    code = (
        "import os, sys; from fbnet.errors import stop_on_signals; from stages import runner;"
        f"stop_on_signals(); runner.wait_for([sys.executable, '-c', {SLEEPER!r}], os.environ)"
    )
    command = [sys.executable, "-c", code]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with started(command, cwd=ROOT, text=True, **pipes) as process:
        assert process.stdout.readline() == "up\n"
        process.terminate()
        # The pipe closes only when the sleeper, which holds it too, has ended.
        output, errors = process.communicate(timeout=60)
        assert output == "" and "KeyboardInterrupt" in errors


def test_a_signal_while_it_is_being_started_is_not_lost(monkeypatch, stop_signals):
    start = subprocess.Popen

    def start_and_be_stopped(*arguments, **options):
        process = start(*arguments, **options)
        os.kill(os.getpid(), signal.SIGTERM)
        return process

    monkeypatch.setattr(subprocess, "Popen", start_and_be_stopped)
    stop_on_signals()
    with pytest.raises(KeyboardInterrupt):
        runner.wait_for([sys.executable, "-c", SLEEPER], os.environ)
