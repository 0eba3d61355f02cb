"""The `fbnet` command: help at once, one line and exit code 2 on bad input."""

import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest

from stages.cli import main
from stages.commands import devices
from stages.params import render

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "mlflow", "cv2", "onnxruntime", "matplotlib", "pydantic")
COMMANDS = [
    "check",
    "profile",
    "table",
    "score",
    "predict",
    "report",
    "kit",
    "import",
    "web",
    "convert",
]


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys; from stages.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert end.code == 0\n"
        f"print('heavy:', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    run = [sys.executable, "-c", code, *command, "--help"]
    shown = subprocess.run(run, capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert "usage: fbnet" in shown
    assert "heavy: []" in shown


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ("torch", ["convert", "checkpoint_best.pth"]),
        ("torch", ["kit", "folder"]),
        ("psutil", ["register"]),
    ],
)
def test_a_package_that_is_not_installed_is_one_line(missing: str, command: list[str]) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from stages.cli import main; "
    run = [sys.executable, "-c", f"{code}sys.exit(main({command!r}))"]
    done = subprocess.run(run, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr == (
        f"fbnet: this command needs {missing}, which is not installed: pip install "
        "'fbnet-pfld[pipeline]', in a clone '.[pipeline]'\n"
    )


@pytest.mark.parametrize(
    ("fetch", "given", "points"),
    [
        ({}, [], 106),
        ({"synthetic": {"points": 68}}, [], 68),
        ({"scheme": {"points": 5, "eyes": [0, 1]}}, [], 5),
        ({"synthetic": {"points": 68}}, ["--points", "98"], 98),
    ],
)
def test_a_kit_is_of_the_points_of_its_params(
    tmp_path: Path, fetch: dict[str, Any], given: list[str], points: int
) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(render({"fetch": fetch}))
    parser = ArgumentParser()
    contents = devices._kit_contents(parser)
    stated, _ = contents(parser.parse_args(["--params", str(params), *given]))
    assert stated.points == points


def test_check_and_profile(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["check"]) == 0
    assert main(["profile", "tiny"]) == 0
    assert "-S search.epochs=" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "part"),
    [
        (["check", "--params", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["profile", "huge"], "no such profile; there are: default, best, gpu, mobile, nni, tiny"),
        (["table", "--results", "nowhere"], "nowhere/retrain/architecture.json: no such file"),
        (["report", "--experiment", "mine"], "--experiment names the runs to compare; give --runs"),
        (["report", "--runs", "--baselines", "b.csv"], "--baselines stand beside one run"),
        (["convert", "nowhere.pth"], "nowhere.pth: no such file"),
        (["score", "nowhere.onnx", "data"], "nowhere.onnx"),
        (["score", "nowhere.onnx", "data", "--std", "0"], "std 0: nothing can be divided"),
        (
            ["score", "m.onnx", "data", "--json", "data/../m.onnx"],
            "is what is scored; name another",
        ),
        (["profile", "tiny", "--params", "nowhere.yaml"], "nowhere.yaml: no such file"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    command: list[str],
    part: str,
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("fbnet: ") and error.count("\n") == 1
    assert part in error
