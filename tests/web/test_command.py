"""`fbnet web` as it is called: pages written, shown until Ctrl-C, or the demo alone."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from stages.cli import main
from tests.waiting import started
from tests.web.conftest import CONTENTS

pytestmark = pytest.mark.xdist_group("web")  # one browser, one kit

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "stages.cli", "web", "pages"]


@pytest.mark.usefixtures("site")
def test_pages_are_shown_until_a_stop(kit: Path, tmp_path: Path) -> None:
    served = ["--kit", str(kit), "--serve", "--port", "0"]
    with started(
        [*COMMAND, *served],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = line.split()[0]
        assert line == f"{address} and {address}measure.html, until Ctrl-C\n"
        with urllib.request.urlopen(f"{address}site.json", timeout=30) as answer:
            index = json.load(answer)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert index["takes_results"] is True and set(index["kit"]["models"]) == set(CONTENTS.keys())


@pytest.mark.usefixtures("site")
def test_without_torch_or_params_there_is_the_demo_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["web", "one"]) == 0
    (tmp_path / "params.yaml").write_text("no: params")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["web", "two"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(";")[0] for line in lines if "alone" in line] == [
        "one: the demo alone", "two: the demo alone",
    ]  # fmt: skip
    assert main(["web", "three", "--kit", "kit"]) == 0
    lines += capsys.readouterr().out.splitlines()
    assert [line.split("; ")[1] for line in lines if "alone" in line] == [
        "to measure takes params.yaml or --kit FOLDER",
        "to measure takes the extra `pipeline`",
        "to measure takes the extra `pipeline`",
    ]
    for name in ("one", "two", "three"):
        assert "kit" not in json.loads((tmp_path / name / "site.json").read_text())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--host", "0.0.0.0"], "--host says how pages are shown; give --serve too"),
        (["--tables", "there"], "--tables says how pages are shown; give --serve too"),
        (["--serve", "--certificate", "none.pem"], "none.pem: not a PEM file of certificate"),
        (["--kit", "none"], "none: no kit, it holds no manifest.json"),
        (["--kit", "none", "--points", "68"], "--points says what a new kit holds; leave it"),
        (["--model", "none.onnx"], "none.onnx: no such file"),
        (["--runtime", "none.tgz"], "none.tgz: no such file"),
    ],
)
def test_bad_input_is_one_line_before_anything_is_written(
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["web", *options]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
