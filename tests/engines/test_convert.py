import subprocess
import sys

import numpy as np
import onnx
import pytest

from fbnet.engines import ENGINES, convert
from fbnet.engines.convert import ConversionError, fixed_batch, to_mnn, to_ncnn
from fbnet.errors import BadInput
from fbnet.predict.interface import to_input

MADE = {
    "mnn": (to_mnn, "fp32"),
    "mnn_fp16": (to_mnn, "fp16"),
    "mnn_int8": (to_mnn, "int8"),
    "ncnn": (to_ncnn, "fp32"),
    "ncnn_fp16": (to_ncnn, "fp16"),
}


@pytest.fixture(scope="module")
def made(exported):
    return {name: make(exported, weights) for name, (make, weights) in MADE.items()}


@pytest.mark.parametrize("name", MADE)
def test_equal_nets_give_equal_bytes(name, made, exported):
    make, weights = MADE[name]
    assert make(exported, weights) == made[name]


def test_no_path_of_this_machine_is_left(made):
    for model in made.values():
        for data in model.values():
            assert b"/tmp" not in data and b"model.onnx" not in data


def test_fewer_bits_make_smaller_files_and_a_small_error(made, exported, images):
    size = {name: sum(map(len, model.values())) for name, model in made.items()}
    assert size["mnn_int8"] < size["mnn_fp16"] < size["mnn"]
    assert size["ncnn_fp16"] < size["ncnn"]
    x = to_input(images[:1])
    expected = ENGINES["onnxruntime"].open({".onnx": exported})(x)
    for name, model in made.items():
        found = ENGINES[name.partition("_")[0]].open(model)(x)
        assert found == pytest.approx(expected, abs=1e-6 if "_" not in name else 0.05)
        assert "_" not in name or not np.array_equal(found, expected)


def test_a_batch_can_be_fixed(exported, images):
    shape = onnx.load_from_string(fixed_batch(exported, 3)).graph.input[0].type.tensor_type.shape
    assert shape.dim[0].dim_value == 3
    x = to_input(images[:3])
    expected = ENGINES["onnxruntime"].open({".onnx": exported})(x)
    assert ENGINES["mnn"].open(to_mnn(exported, batch=3))(x) == pytest.approx(expected, abs=1e-6)


def unconvertible():
    node = onnx.helper.make_node("NoSuchOperator", ["x"], ["y"], domain="nowhere")
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 4, 4])
        for name in "xy"
    ]
    graph = onnx.helper.make_graph([node], "odd", values[:1], values[1:])
    return onnx.helper.make_model(graph).SerializeToString()


@pytest.mark.parametrize("make", [to_mnn, to_ncnn])
def test_a_net_that_cannot_be_converted_is_an_error(make):
    with pytest.raises(ConversionError, match="cannot convert the net"):
        make(unconvertible())


@pytest.mark.parametrize(("make", "wheel"), [(to_mnn, "MNN"), (to_ncnn, "pnnx")])
def test_missing_wheels_are_named(make, wheel, exported, monkeypatch):
    monkeypatch.setattr(convert, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=f"the wheel {wheel} is not installed"):
        make(exported)


def test_importing_loads_no_engine():
    code = (
        "import sys, fbnet.engines.convert, fbnet.engines;"
        "print([m for m in ('MNN', 'ncnn', 'onnxruntime', 'torch') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
