"""An engine from outside: one file and one entry take it through params, table, variants, kit."""

import subprocess
import sys
from pathlib import Path

import pytest

from fbnet.costs.kit.contents import Contents
from fbnet.costs.kit.results import read_results
from fbnet.costs.kit.write import write_kit
from fbnet.costs.measure import latency_table
from fbnet.engines import ENGINES, BenchmarkProgram, Engine, variants
from fbnet.errors import BadInput
from fbnet.export.onnx import landmarks
from fbnet.export.variants import Trial, calibration, publish, published
from fbnet.params import ExportParams, LutParams, SpaceParams, StageParams
from fbnet.predict.model import OnnxModel
from fbnet.predict.score import score
from stages.cli import main

FILE = '''\
"""A toy engine: runs ONNX files with their bytes reversed, in onnxruntime."""

import numpy as np

from fbnet.engines.base import cannot_open


def convert(data, precision, calibration):
    return {".toy": data[::-1]}


def open_session(onnxruntime, model, threads):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model[".toy"][::-1], options)
    except Exception as error:
        raise cannot_open("toy", str(error)) from None
    (value,) = session.get_inputs()
    return lambda x: session.run(None, {value.name: np.ascontiguousarray(x)})[0]
'''
ENTRY = Engine(
    name="toy",
    distribution="onnxruntime",
    module="onnxruntime",
    implementation="toy_engine",
    suffixes=(".toy",),
    precisions={"fp32": "all", "fp16": "nothing"},
    max_batch=4,
    programs=(
        BenchmarkProgram(
            name="toy_bench",
            command='"$program" "$models/$name.toy" "$loops"',
            latencies={r"^took (\S+) us": 1e-3},
        ),
    ),
)
SPACE = SpaceParams(
    stages=(StageParams(ops=("gh_k3", "sep_k3"), layer_num=1, channels=16, stride=1),)
)
POINTS, SIZE = 68, 32


@pytest.fixture(autouse=True)
def toy(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "toy_engine.py").write_text(FILE)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(ENGINES, "_entries", dict(ENGINES._entries))
    ENGINES.register("toy", ENTRY)


def test_params_know_it() -> None:
    assert LutParams(engine="toy", batch=4).engine == "toy"
    assert ExportParams(variants=("toy", "toy_fp16")).variants == ("toy", "toy_fp16")
    with pytest.raises(ValueError, match="toy takes at most 4 in a call"):
        LutParams(engine="toy", batch=5)
    with pytest.raises(ValueError, match="unknown engine 'tooy'; did you mean 'toy'"):
        LutParams(engine="tooy")
    with pytest.raises(ValueError, match=r"unknown variant 'toy_int8'; .*, toy, toy_fp16"):
        ExportParams(variants=("toy_int8",))


def test_it_times_a_table() -> None:
    params = LutParams(engine="toy", warmup=1, rounds=5, max_seconds=1.0)
    table = latency_table(SPACE, POINTS, params, SIZE)
    assert table["engine"] == "toy"
    assert set(table["layers"][0]["blocks"]) == {"gh_k3", "sep_k3"}


def test_it_gives_variants(net, exported, faces, tmp_path: Path) -> None:
    assert {"toy", "toy_fp16"} < set(variants())
    exact = landmarks(net, faces.crops(faces.indices("test")[:5]))
    trial = Trial(faces, exact, score(OnnxModel(exported), faces).figures["nme"], 1e-5, 0.05)
    rows = publish(["toy", "toy_fp16"], exported, trial, calibration(faces, 2), tmp_path / "v")
    assert [(row["engine"], row["fault"]) for row in rows] == [("toy", ""), ("toy", "")]
    assert list(published(tmp_path / "v")) == ["toy", "toy_fp16"]


def test_it_goes_into_a_kit_and_comes_back(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, out = tmp_path / "kit", tmp_path / "results.csv"
    contents = Contents.of(SPACE, POINTS, SIZE, checks=1, seed=0)
    write_kit(kit, contents, ["toy"])
    command = [sys.executable, "-I", kit / "run.py", "--rounds", "5", "--seconds", "1"]
    subprocess.run([*command, "--out", out], cwd=tmp_path, check=True)
    measured = read_results(out.read_text(), "results.csv")
    assert measured.facts["engine"] == "toy" and set(measured.times) == set(contents.keys())
    with pytest.raises(SystemExit):
        main(["kit", "--help"])
    assert ",coreml,toy}" in capsys.readouterr().out

    program = tmp_path / "toy_bench"
    program.write_text('#!/bin/sh\n[ -f "$1" ] && echo "took 250 us"\n')
    program.chmod(0o755)
    command = ["sh", kit / "bench.sh", program, "here"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    results = read_results(output, "output")
    assert results.facts["engine"] == "toy" and set(results.times) == set(contents.keys())
    assert {timing.median for timing in results.times.values()} == {0.25}


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(ValueError, match="exists already"):
        ENGINES.register("mnn", ENTRY)
    with pytest.raises(BadInput, match="unknown engine 'nmn'; did you mean 'mnn'"):
        ENGINES["nmn"]
