"""What the bench stage times: exported files whose engine is here, and whole nets without heads."""

from pathlib import Path
from typing import Any

import onnx
import pytest

from fbnet.costs.latency_model import Setting
from fbnet.costs.timing import cpu_model
from fbnet.engines import Engine, NotInstalled
from fbnet.export.onnx import export_onnx
from fbnet.files import write_json
from fbnet.nets.pfld import build_subnet
from fbnet.outputs import HEADS, LANDMARKS
from fbnet.params import SpaceParams, StageParams
from stages import bench
from stages.params import Params
from stages.results import Results

SPACE = SpaceParams(
    stages=(
        StageParams(ops=("sep_k3",), layer_num=1, channels=32, stride=1),
        StageParams(ops=("mb_k3",), layer_num=1, channels=16, stride=2),
    )
)
CHOICE = ("sep_k3", "mb_k3")


@pytest.mark.parametrize("heads", [(), HEADS])
def test_nets_are_timed_without_heads_and_without_engines_that_are_gone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    heads: tuple[str, ...],
) -> None:
    results = Results(tmp_path)
    net = build_subnet(SPACE, 68, CHOICE, 32, 0, heads)
    results.onnx.parent.mkdir(parents=True)
    results.onnx.write_bytes(export_onnx(net.eval(), 32, 68, {}, outputs=(LANDMARKS, *heads)))
    (results.variants / "mnn").mkdir(parents=True)
    (results.variants / "mnn/subnet.mnn").write_bytes(b"a model")
    record = {"space": "s", "points": 68, "size": 32, "choice": list(CHOICE), "heads": list(heads)}
    write_json(results.trained, record)

    def engine_is_gone(engine: Engine) -> None:
        if engine.name == "mnn":
            raise NotInstalled("engine mnn is not installed here")

    seen: dict[Any, bytes] = {}
    monkeypatch.setattr(Engine, "require_here", engine_is_gone)
    monkeypatch.setattr("fbnet.costs.measure.calls", lambda nets, *_: seen.update(nets) or {})
    monkeypatch.setattr("fbnet.costs.timing.measure", lambda calls, **_: calls)
    params = Params(space="s", spaces={"s": SPACE})
    timed = bench._timed(params, results, Setting("onnxruntime", 1, 1), [CHOICE])
    assert [*timed] == ["onnxruntime"]
    assert "mnn is left out: engine mnn is not installed here" in capsys.readouterr().out
    assert len(onnx.load_from_string(seen[CHOICE]).graph.output) == 1


def test_a_table_is_checked_where_its_engine_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = {"engine": "onnxruntime", "protocol": {"threads": 2}, "cpu": cpu_model()}
    assert bench._setting(table) == Setting("onnxruntime", 2, 1)
    assert bench._setting(table | {"cpu": "a board"}) is None
    assert "the LUT is not of this machine" in capsys.readouterr().out
    monkeypatch.setattr(Engine, "installed", False)
    assert bench._setting(table) is None
    assert "onnxruntime is not installed: the LUT's predictions" in capsys.readouterr().out
