"""What the bench stage times: exported files whose engine is here, and whole nets without heads."""

from pathlib import Path
from typing import Any

import onnx
import pytest

from fbnet.costs.latency_model import Setting
from fbnet.costs.timing import Timing, cpu_model
from fbnet.engines import EXPORTED, FULL, Engine, NotInstalled
from fbnet.errors import BadInput
from fbnet.export.onnx import export_onnx
from fbnet.files import read_json, write_csv, write_json
from fbnet.nets.pfld import build_subnet, slots
from fbnet.outputs import HEADS, LANDMARKS
from fbnet.params import BenchParams, SearchParams, SpaceParams, StageParams
from fbnet.progress import no_log
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


@pytest.mark.parametrize(
    ("heads", "engine", "judged"),
    [((), "onnxruntime", 0.2), (HEADS, "onnxruntime", 0.3), (HEADS, "mnn", 0.2)],
)
def test_a_budget_is_held_against_the_file_with_its_heads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heads: tuple[str, ...], engine: str,
    judged: float,
) -> None:  # fmt: skip
    """Where the table's nets ran as the file does; elsewhere a net runs without heads."""
    results, params = latency_table(tmp_path, heads, engine)
    monkeypatch.setattr(Engine, "installed", True)
    times = {"onnxruntime": Timing.of([0.3] * 9), CHOICE: Timing.of([0.2] * 9)}
    monkeypatch.setattr(bench, "_timed", lambda *_: times)
    bench.main(params, results, no_log)
    metrics = read_json(results.metrics("bench"))
    assert metrics["latency_over_target"] == pytest.approx(judged / 0.25 - 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"size": 64}, "holds for inputs of 64x64"), ({"points": 98}, "of nets of 98 points")],
)
def test_a_table_of_other_nets_is_refused(
    tmp_path: Path, change: dict[str, int], message: str
) -> None:
    results, params = latency_table(tmp_path, (), "onnxruntime", **change)
    with pytest.raises(BadInput, match=message):
        bench.main(params, results, no_log)


def latency_table(
    folder: Path, heads: tuple[str, ...], engine: str, points: int = 68, size: int = 32
) -> tuple[Results, Params]:
    """Results of a net with heads, a table in which each block takes 0.05 ms, and a budget."""
    results = Results(folder)
    record = {"space": "s", "points": 68, "size": 32, "choice": list(CHOICE), "heads": list(heads)}
    write_json(results.trained, record)
    layers = [
        {**slot.shape(), "blocks": {block: {"median": 0.05}}}
        for slot, block in zip(slots(SPACE, size), CHOICE, strict=True)
    ]
    facts = {"engine": engine, "protocol": {"threads": 1}, "cpu": cpu_model()}
    fixed = {"median": 0.05, "references": []}
    table = {
        "unit": "ms",
        "points": points,
        "size": size,
        "layers": layers,
        "fixed": fixed,
        **facts,
    }
    write_json(results.lut("latency"), table)
    exported = {"variant": EXPORTED, "engine": EXPORTED, "precision": FULL}
    write_csv(results.variant_table, [{**exported, "size_kb": 1.0, "nme": 0.05}])
    params = Params(
        space="s",
        spaces={"s": SPACE},
        search=SearchParams(mode="target", target_ms=0.25),
        bench=BenchParams(nets=0),
    )
    return results, params


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
