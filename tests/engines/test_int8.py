import numpy as np
import onnx
import pytest

from fbnet.engines import ENGINES
from fbnet.engines.int8 import channel_scales, static_int8
from fbnet.export.onnx import export_onnx, with_metadata
from fbnet.predict.interface import to_input
from fbnet.predict.model import OnnxModel
from tests.small_net import POINTS, SIZE


@pytest.fixture(scope="module")
def forms(exported, images):
    return [static_int8(exported, to_input(images), qdq) for qdq in (False, True)]


def tensors(data):
    initializers = onnx.load_from_string(data).graph.initializer
    return {item.name: onnx.numpy_helper.to_array(item) for item in initializers}


def test_equal_inputs_give_equal_bytes(forms, exported, images):
    assert static_int8(exported, to_input(images)) == forms[0]


def test_the_ranges_come_from_the_faces(forms, exported, images):
    assert static_int8(exported, to_input(images // 2)) != forms[0]


def test_no_output_is_off_by_the_same_on_every_face(forms, exported, images):
    int8, exact = (OnnxModel(data).predict(images) for data in (forms[0], exported))
    errors = int8 - exact
    assert np.abs(errors.mean(axis=0)).mean() < 0.25 * np.abs(errors).mean()


def test_both_forms_compute_the_same(forms, images):
    one, other = (OnnxModel(form).predict(images) for form in forms)
    assert np.array_equal(one, other)


def test_every_convolution_before_the_last_activation_is_in_integers(forms, exported):
    convolutions = [node for node in graph(exported).node if node.op_type == "Conv"]
    made = {node.output[0] for node in convolutions}
    (last,) = (node for node in graph(exported).node if node.op_type == "Reshape")
    behind = [node for node in convolutions if node.output[0] == last.input[0]]
    while behind[-1].input[0] in made:
        behind += [node for node in convolutions if node.output[0] == behind[-1].input[0]]
    integer, qdq = (graph(form) for form in forms)
    counts = [len([n for n in integer.node if n.op_type == t]) for t in ("QLinearConv", "Conv")]
    assert counts == [len(convolutions) - len(behind), len(behind)]
    for form, each in zip(forms, (integer, qdq), strict=True):
        sources = {output: node for node in each.node for output in node.output}
        for node in (node for node in each.node if node.op_type == "Conv"):
            weights = tensors(form)[sources[node.input[1]].input[0]]
            assert weights.dtype == np.int8


def graph(data):
    return onnx.load_from_string(data).graph


def test_the_qdq_form_is_plain_onnx(forms):
    model = onnx.load_from_string(forms[1])
    onnx.checker.check_model(model, full_check=True)
    assert [opset.domain for opset in model.opset_import] == [""]


def test_an_older_opset_is_raised_with_a_line(net, images, capsys):
    data = export_onnx(net, SIZE, POINTS, {}, 11, dynamic_batch=False)
    model = onnx.load_from_string(static_int8(data, to_input(images)))
    assert {each.domain: each.version for each in model.opset_import}[""] == 13
    assert "int8: opset 11 has no scales by channel; the file in int8 is of 13" in (
        capsys.readouterr().out
    )


def test_two_weights_of_a_channel_never_overflow_16_bits(forms):
    integers = [n.input[3] for n in graph(forms[0]).node if n.op_type == "QLinearConv"]
    for weights in (tensors(forms[0])[name] for name in integers):
        if weights.shape[1] > 1:
            rows = weights.reshape(len(weights), -1).astype(int)
            for sign in (1, -1):
                largest = np.sort(np.clip(sign * rows, 0, None), axis=1)[:, -2:]
                assert (255 * largest.sum(axis=1) < 2**15).all()


def test_scales_are_as_small_as_the_weights_allow():
    weights = np.array([[1.0, -1.0], [1.0, 1.0], [0.0, 0.0]]).reshape(3, 2, 1, 1)
    assert channel_scales(weights, in_pairs=False) == pytest.approx([1 / 127, 1 / 127, 1])
    assert channel_scales(weights, in_pairs=True) == pytest.approx([1 / 127, 2 / 127, 1])


def test_nothing_is_said_twice(forms):
    for form in forms:
        arrays = [(a.dtype.str, a.shape, a.tobytes()) for a in tensors(form).values()]
        assert len(arrays) == len(set(arrays))
        assert max(map(len, tensors(form))) <= 3
        assert not graph(form).value_info


def test_it_is_still_the_net(forms, exported, images):
    int8, exact = OnnxModel(forms[0]), OnnxModel(exported)
    error = np.abs(int8.predict(images) - exact.predict(images)).max()
    assert 0 < error < 0.05 * np.abs(exact.predict(images)).max()


def test_old_files_of_one_face_are_quantised_too(net, forms, images):
    old = static_int8(export_onnx(net, SIZE, 68, {}, 11, dynamic_batch=False), to_input(images))
    session = ENGINES["onnxruntime"].open({".onnx": old})
    one = np.concatenate([session(x[None]) for x in to_input(images)])
    assert one == pytest.approx(OnnxModel(forms[0]).predict(images), abs=0.01)


def test_metadata_is_kept_but_for_the_score(exported, images):
    named = {"commit": "abc", "points": "68"}
    data = with_metadata(exported, named | {"test_nme": "0.05"})
    assert OnnxModel(static_int8(data, to_input(images))).metadata == named
