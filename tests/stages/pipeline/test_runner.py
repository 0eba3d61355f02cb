"""What surrounds a stage: exit codes, messages, threads, help."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fbnet import errors
from fbnet.errors import BadInput, TrainingDiverged, safe_point
from fbnet.progress import track
from stages import runner
from stages.params import Params, render
from tests.waiting import running, started, until

ROOT = Path(__file__).parents[3]
STAGES = ("fetch", "lut", "search", "retrain", "export", "bench", "report")
HEAVY = ("torch", "torchvision", "mlflow", "onnxruntime", "onnxsim", "matplotlib", "scipy")


@pytest.fixture(autouse=True)
def stage_environment(tmp_path, monkeypatch, stop_signals):
    """A folder with sound params and no tracking; signals and threads put back afterwards."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(render({"mlflow": {"enabled": False}}))
    for name in (*runner.THREAD_VARIABLES, "GOMP_SPINCOUNT"):
        monkeypatch.setenv(name, "1")


def run(main, *arguments):
    with pytest.raises(SystemExit) as left:
        runner.run_stage("lut", main, arguments)
    return left.value.code


def test_a_stage_gets_params_folder_and_log_and_its_line_is_printed(capsys):
    def main(params, results, log):
        assert isinstance(params, Params)
        assert results.folder("lut").is_dir()
        log(1, {"loss": 1.0})
        return f"wrote {results.lut('macs')}"

    assert run(main) == 0
    assert capsys.readouterr().out == "lut: wrote results/lut/macs.json\n"


def fail_with(error):
    def main(params, results, log):
        raise error

    return main


def test_bad_input_is_one_line_and_exit_code_2(capsys):
    assert run(fail_with(BadInput("faces: none; add some"))) == 2
    assert capsys.readouterr().err == "lut: faces: none; add some\n"


def test_a_diverged_training_is_one_line_and_exit_code_1(capsys):
    assert run(fail_with(TrainingDiverged("lower search.lr"))) == 1
    assert capsys.readouterr().err == "lut: lower search.lr\n"


def test_bad_params_are_one_line_and_exit_code_2_before_the_stage_runs(capsys):
    Path("params.yaml").write_text("serach: 1\n")
    assert run(fail_with(AssertionError("ran"))) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("lut: params.yaml:1: serach")


def test_another_params_file_can_be_named(capsys):
    assert run(fail_with(AssertionError("ran")), "--params", "other.yaml") == 2
    assert "other.yaml" in capsys.readouterr().err


def test_the_unexpected_is_not_caught():
    with pytest.raises(RuntimeError, match="broken"):
        runner.run_stage("lut", fail_with(RuntimeError("broken")), [])


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_stage_once_at_the_next_safe_point(signum, capsys):
    passed = []

    def main(params, results, log):
        os.kill(os.getpid(), signum)
        try:
            for step in track(range(3), "steps"):
                passed.append(step)
        finally:
            os.kill(os.getpid(), signum)  # while the run is being closed
            safe_point()
            passed.append("closed")
        return "not reached"

    assert run(main) == 1
    assert passed == [0, "closed"]
    assert capsys.readouterr().err == "lut: stopped; run it again to resume\n"


def test_a_signal_in_a_finalizer_or_after_the_last_safe_point_is_not_lost(capsys):
    class Finalized:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGINT)

    def main(params, results, log):
        Finalized()
        return "done"

    assert run(main) == 1
    assert capsys.readouterr().err == "lut: stopped; run it again to resume\n"


NO_SAFE_POINT = """
import sys, threading
from fbnet import errors
errors.stop_on_signals(grace_s=0.2)
print("up", flush=True)
def work():
    threading.Event().wait()
sys.exit(errors.exit_code("x", work))
"""


def test_without_a_safe_point_the_process_ends_after_a_time_of_grace():
    command = [sys.executable, "-c", NO_SAFE_POINT]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with started(command, cwd=ROOT, text=True, **pipes) as process:
        assert process.stdout.readline() == "up\n"
        process.terminate()
        assert process.wait(10) == 1
        assert "without a safe point" in process.stderr.read()


def test_a_signal_that_was_taken_back_ends_no_later_work(stop_signals):
    errors.stop_on_signals()
    os.kill(os.getpid(), signal.SIGTERM)
    assert until(lambda: errors._grace)
    (timer,) = errors._grace
    errors.stop_on_signals()
    assert timer.finished.is_set() and not errors.stop_requested()


STARTER = """
import subprocess, sys
if len(sys.argv) > 1:
    import os, threading
    from stages.runner import end_with_starter
    end_with_starter()
    print(os.getpid(), flush=True)
    threading.Event().wait()
child = subprocess.Popen([sys.executable, __file__, "child"], stdout=subprocess.PIPE, text=True)
print(child.stdout.readline(), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel for it")
def test_a_process_beside_rank_zero_ignores_signals_and_ends_with_it(tmp_path):
    script = tmp_path / "starter.py"
    script.write_text(STARTER)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script)]
    with started(command, text=True, env=environment, **pipes) as starter:
        child = int(starter.stdout.readline())
        assert ignores(child, signal.SIGTERM) and ignores(child, signal.SIGINT)
        os.kill(child, signal.SIGTERM)
        assert running(child)
        starter.kill()
        assert until(lambda: not running(child))


def ignores(pid, signum):
    """Whether the kernel drops a signal to this process."""
    (mask,) = re.findall(r"^SigIgn:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.M)
    return bool(int(mask, 16) >> (signum - 1) & 1)


def test_threads_come_from_params():
    def main(params, results, log):
        import torch

        assert os.environ["OMP_NUM_THREADS"] == str(params.train.threads)
        assert torch.get_num_threads() == params.train.threads
        return "done"

    import torch

    before = torch.get_num_threads()
    try:
        assert run(main) == 0
    finally:
        torch.set_num_threads(before)


HELP = """
import runpy, sys
sys.argv = ["x", "--help"]
try:
    runpy.run_module("stages.{stage}", run_name="__main__", alter_sys=True)
except SystemExit as left:
    assert left.code == 0
print("heavy:", *sorted(sys.modules.keys() & {heavy}))
"""


@pytest.mark.parametrize("stage", (*STAGES, "pipeline", "sweep"))
def test_help_answers_at_once_with_what_the_stage_does(stage):
    code = HELP.format(stage=stage, heavy=set(HEAVY))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    *shown, heavy = done.stdout.splitlines()
    assert shown[0].startswith(f"usage: python -m stages.{stage}")
    assert len(shown) > 5
    assert heavy == "heavy:"


def test_the_code_of_a_stage_is_what_dvc_yaml_states(tmp_path):
    deps = ["${fetch.root}", "results/lut/macs.json", "fbnet/files.py", "fbnet/nets", "pictures"]
    Path("dvc.yaml").write_text(json.dumps({"stages": {"search": {"deps": deps}}}))
    for name in ("fbnet/nets/blocks.py", "pictures/a.png", "results/lut/macs.json"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    assert runner.stage_code("search") == [Path("fbnet/files.py"), Path("fbnet/nets")]
