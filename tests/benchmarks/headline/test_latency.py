import pytest

from benchmarks.headline import latency
from fbnet.costs.macs import count
from fbnet.engines import ENGINES
from fbnet.export.onnx import counts, export_onnx
from fbnet.nets.baselines import build_baseline


@pytest.fixture(scope="module")
def lite():
    return build_baseline("lite", 68, 32)


@pytest.fixture(scope="module")
def file(lite):
    return export_onnx(latency._worn(lite), 32, 68, {})


def test_every_net_in_turn_with_its_ratio_to_lite(setting, file, monkeypatch):
    monkeypatch.setattr(latency, "_file", lambda *_: file)
    monkeypatch.setattr(latency, "MODELS", ("subnet", "lite"))
    monkeypatch.setattr(latency, "POINTS", {"photographs": 68})
    found = latency.latencies(setting, size=32, seconds=0.0)
    assert {row["engine"] for row in found["rows"]} == set(ENGINES)
    by_model = {row["model"]: row for row in found["rows"] if row["engine"] == "onnxruntime"}
    assert by_model["lite"]["to_lite"] == 1
    ratio = by_model["subnet"]["latency_ms"] / by_model["lite"]["latency_ms"]
    assert by_model["subnet"]["to_lite"] == pytest.approx(ratio)
    engines = latency.by_engine(found, "photographs", "subnet")
    assert engines["onnxruntime"]["to_lite"] == pytest.approx(ratio)
    assert latency.by_engine(found, "rendered", "subnet") == {}


def test_the_timed_file_has_every_bias(lite, file):
    assert counts(file).params == count(lite, (1, 3, 32, 32)).params
