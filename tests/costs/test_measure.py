import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from fbnet.costs.latency_model import Setting, setting
from fbnet.costs.lut import cost_of, from_json
from fbnet.costs.measure import block_models, calls, latency_table, net_model
from fbnet.engines import ENGINES, input_shape
from fbnet.errors import BadInput
from fbnet.nets.pfld import slots
from fbnet.params import NNI_SPACE, LutParams, SpaceParams, StageParams

SPACE = SpaceParams(
    stages=(
        StageParams(ops=("mb_k3_e2_res", "gh_k3", "skip"), layer_num=2, channels=32, stride=1),
        StageParams(ops=("sep_k3", "mb_k3_res_se"), layer_num=1, channels=16, stride=2),
    )
)
SMALL = SpaceParams(
    stages=(StageParams(ops=("gh_k3", "sep_k3"), layer_num=1, channels=16, stride=1),)
)
SIZE = 32
QUICK = LutParams(warmup=1, rounds=5, max_seconds=2.0)


@pytest.fixture(scope="module")
def table() -> dict:
    return latency_table(SPACE, 68, QUICK, SIZE)


def test_equal_shapes_are_measured_once() -> None:
    assert len(block_models(SPACE, SIZE)) == 5
    distinct = {(b, tuple(slot.shape().values())) for slot in slots(NNI_SPACE) for b in slot.blocks}
    assert len(distinct) == 27


def test_batch_norm_is_folded() -> None:
    models = [
        *block_models(SPACE, SIZE).values(),
        net_model(SPACE, 68, ("skip",) * 2 + ("sep_k3",), SIZE),
    ]
    for model in models:
        operators = {node.op_type for node in onnx.load_from_string(model).graph.node}
        assert "Conv" in operators
        assert "BatchNormalization" not in operators


def test_every_entry_is_there_and_positive(table: dict) -> None:
    assert (table["unit"], table["points"], table["size"]) == ("ms", 68, SIZE)
    assert [list(layer["blocks"]) for layer in table["layers"]] == [
        list(o) for o in SPACE.layer_ops
    ]
    assert table["layers"][0]["blocks"] == table["layers"][1]["blocks"]
    for layer in table["layers"]:
        for entry in layer["blocks"].values():
            assert set(entry) == {"n", "min", "median", "mean", "std", "ci"}
            assert entry["n"] >= QUICK.rounds
            assert 0 < entry["min"] <= entry["median"]
    assert table["engine"] == "onnxruntime" and table["version"] and table["cpu"]
    assert table["protocol"]["threads"] == 1
    json.dumps(table, allow_nan=False)


def test_sums_meet_whole_nets(table: dict, tmp_path: Path) -> None:
    # By construction exact on average over the reference nets, whatever the machine's mood.
    path = tmp_path / "latency.json"
    path.write_text(json.dumps(table))
    lut = from_json(path, SPACE)
    references = table["fixed"]["references"]
    assert len({tuple(r["choice"]) for r in references}) == 3
    predicted = np.mean([cost_of(lut, r["choice"]) for r in references])
    assert predicted == pytest.approx(np.mean([r["median"] for r in references]))


def test_a_space_without_a_choice_has_one_reference() -> None:
    space = SpaceParams(stages=(StageParams(ops=("gh_k3",), layer_num=1, channels=16, stride=1),))
    table = latency_table(space, 68, QUICK, SIZE)
    assert len(table["fixed"]["references"]) == 1


@pytest.mark.parametrize(
    "engine", [name for name, e in ENGINES.items() if e.installed and e.runs_here]
)
def test_a_table_in_each_engine(engine: str) -> None:
    table = latency_table(SMALL, 68, QUICK.model_copy(update={"engine": engine}), SIZE)
    assert (table["engine"], table["version"]) == (engine, ENGINES[engine].version())
    assert set(table["layers"][0]["blocks"]) == {"gh_k3", "sep_k3"}
    assert setting(table) == Setting(engine, threads=1, batch=1)


def test_larger_batches_are_timed() -> None:
    table = latency_table(SMALL, 68, QUICK.model_copy(update={"engine": "mnn", "batch": 2}), SIZE)
    assert table["protocol"]["batch"] == 2
    shapes = {input_shape(model) for model in block_models(SPACE, SIZE, batch=2).values()}
    assert shapes == {(2, 32, 4, 4)}


def test_ncnn_has_no_batches() -> None:
    with pytest.raises(ValueError, match="ncnn takes at most 1 in a call"):
        LutParams(engine="ncnn", batch=2)


def test_calls_run_the_models_on_inputs_of_the_seed() -> None:
    model = net_model(SPACE, 68, ("skip", "gh_k3", "sep_k3"), SIZE)
    landmarks = {seed: calls({"net": model}, "onnxruntime", seed=seed)["net"]() for seed in (1, 2)}
    assert landmarks[1].shape == (1, 68, 2)
    assert not np.array_equal(landmarks[1], landmarks[2])
    assert np.array_equal(landmarks[1], calls({"net": model}, "onnxruntime", seed=1)["net"]())
    for engine in ("mnn", "ncnn"):
        assert calls({"net": model}, engine, seed=1)["net"]() == pytest.approx(
            landmarks[1], abs=1e-6
        )


def records() -> list[dict]:
    return [
        {
            "op_name": block,
            "op_data_shape": (slot.size, slot.size, slot.c_in, slot.c_out, slot.stride),
            "op_dtype": "float",
            "op_latency": 100.0,
        }
        for slot in (slots(SPACE, SIZE)[0], slots(SPACE, SIZE)[2])
        for block in slot.blocks
    ]


@pytest.mark.parametrize(("unit", "expected"), [("us", 0.1), ("ms", 100.0)])
@pytest.mark.parametrize("kind", ["txt", "npy"])
def test_a_devices_table_is_taken_over(
    kind: str, unit: str, expected: float, tmp_path: Path
) -> None:
    path = tmp_path / f"lut.{kind}"
    if kind == "txt":
        path.write_text("\n".join(map(str, records())))
    else:
        np.save(path, np.array(records()), allow_pickle=True)
    params = LutParams(source="file", file=str(path), file_unit=unit, file_fixed_ms=2.0)
    table = latency_table(SPACE, 68, params, SIZE)
    (tmp_path / "latency.json").write_text(json.dumps(table))
    lut = from_json(tmp_path / "latency.json", SPACE)
    assert cost_of(lut, ("skip", "gh_k3", "sep_k3")) == pytest.approx(2.0 + 3 * expected)
    assert str(tmp_path) not in json.dumps(table)


def test_a_table_of_another_machine_is_taken_over(table: dict, tmp_path: Path) -> None:
    path = tmp_path / "phone.json"
    # Equal entries: those of a loaded machine may be outliers, which a file is refused for.
    layers = [
        layer | {"blocks": {block: {"median": 0.1} for block in layer["blocks"]}}
        for layer in table["layers"]
    ]
    path.write_text(json.dumps(table | {"cpu": "a phone", "layers": layers}))
    params = LutParams(source="file", file=str(path))
    assert latency_table(SPACE, 68, params, SIZE)["cpu"] == "a phone"
    with pytest.raises(BadInput, match="give a table in ms for 64"):
        latency_table(SPACE, 68, params, 64)
    with pytest.raises(BadInput, match="layer 2: c_out is 16, the space has 64"):
        latency_table(NNI_SPACE, 68, params, SIZE)


def test_other_files_are_refused(tmp_path: Path) -> None:
    params = LutParams(source="file", file=str(tmp_path / "lut.xlsx"))
    with pytest.raises(BadInput, match=r"give one of \.json, \.csv, \.txt, \.npy"):
        latency_table(SPACE, 68, params, SIZE)


@pytest.mark.parametrize("fields", [{"source": "file"}, {"file": "lut.txt"}])
def test_file_and_source_go_together(fields: dict) -> None:
    with pytest.raises(ValueError, match="set both or neither"):
        LutParams(**fields)
