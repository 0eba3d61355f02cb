import numpy as np
import onnx
import pytest

from fbnet.engines.onnxruntime import static_int8
from fbnet.export.onnx import with_metadata
from fbnet.predict.interface import to_input
from fbnet.predict.model import OnnxModel


@pytest.fixture(scope="module")
def quantised(exported, images):
    return static_int8(exported, to_input(images))


def test_equal_inputs_give_equal_bytes(quantised, exported, images):
    assert static_int8(exported, to_input(images)) == quantised


def test_the_ranges_come_from_the_faces(quantised, exported, images):
    assert static_int8(exported, to_input(images // 2)) != quantised


def test_weights_are_int8_but_for_the_last_convolution(quantised):
    model = onnx.load_from_string(quantised)
    kinds = {item.name: item.data_type for item in model.graph.initializer}
    sources = {output: node for node in model.graph.node for output in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 4
    for node in convolutions[:-1]:
        assert kinds[sources[node.input[1]].input[0]] == onnx.TensorProto.INT8
    assert kinds[convolutions[-1].input[1]] == onnx.TensorProto.FLOAT


def test_weights_use_seven_bits(quantised):
    model = onnx.load_from_string(quantised)
    weights = [
        onnx.numpy_helper.to_array(item)
        for item in model.graph.initializer
        if item.data_type == onnx.TensorProto.INT8 and len(item.dims) == 4
    ]
    assert len(weights) == 3
    assert max(np.abs(each.astype(int)).max() for each in weights) <= 64


def test_it_is_still_the_net(quantised, exported, images):
    int8, exact = OnnxModel(quantised), OnnxModel(exported)
    error = np.abs(int8.predict(images) - exact.predict(images)).max()
    assert 0 < error < 0.05 * np.abs(exact.predict(images)).max()


def test_metadata_is_kept_but_for_the_score(exported, images):
    named = {"commit": "abc", "points": "68"}
    data = with_metadata(exported, named | {"test_nme": "0.05"})
    assert OnnxModel(static_int8(data, to_input(images))).metadata == named
