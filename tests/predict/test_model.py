"""ONNX files of this project, and of other origin: one oracle in every way that can be declared.

The oracle's landmarks are weighted sums of the picture's three colour means, so that a swapped
colour, a wrong scale or a wrong order changes every point.
"""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fbnet.errors import BadInput
from fbnet.export.onnx import landmarks, with_metadata
from fbnet.landmarks import LAPA_TO_NNI, SCHEMES, Scheme
from fbnet.params import CROP_SCALE
from fbnet.predict.interface import Interface, describe, to_input
from fbnet.predict.model import OnnxModel
from fbnet.training.batches import to_image_tensor

SIZE = 16


def weights(points):
    """[2P, 3]: what BGR means 0..1 are multiplied with."""
    return np.random.default_rng(points).uniform(0, 0.6, (2 * points, 3)).astype(np.float32)


def expected(images, points):
    means = images.reshape(len(images), -1, 3).mean(axis=1) / 255
    return (means @ weights(points).T).reshape(-1, points, 2)


def model(
    path, points=68, layout="NCHW", channels="BGR", mean=0.0, std=1.0, unit="crop",
    arrangement="xy", order=None, shape=("N", SIZE, SIZE), beside=(), out=None, axes=2,
    dtype=TensorProto.FLOAT,
):  # fmt: skip
    """Write an ONNX file that undoes the declared input and answers in the declared way.

    beside: shapes of further outputs. axes: 3 for points with a z of 9. dtype: of the input.
    """
    matrix, factor, offset = weights(points), *{
        "crop": (1, 0), "pixels": (SIZE, 0), "signed": (2, -1)
    }[unit]  # fmt: skip
    if order is not None:
        matrix = matrix.reshape(points, 2, 3)[np.argsort(order)].reshape(-1, 3)
    shift = np.full((points, axes), offset, np.float32)
    if axes == 3:
        matrix = np.pad(matrix.reshape(points, 2, 3), ((0, 0), (0, 1), (0, 0))).reshape(-1, 3)
        shift[:, 2] = 9
    if arrangement == "x_then_y":
        matrix = np.concatenate([matrix[axis::axes] for axis in range(axes)])
        shift = shift.T
    if channels == "RGB":
        matrix = matrix[:, ::-1]
    inner = [2, 3] if layout == "NCHW" else [1, 2]
    values = {
        "std": np.float32(std), "mean": np.float32(mean), "axes": np.array(inner),
        "matrix": np.ascontiguousarray(matrix.T * factor, np.float32),
        "offset": shift.ravel(), "out_shape": np.array(out or [-1, points, axes]),
    }  # fmt: skip
    nodes = [
        helper.make_node("Cast", ["image"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["values", "axes"], ["pooled"], keepdims=0),
        helper.make_node("Mul", ["pooled", "std"], ["scaled"]),
        helper.make_node("Add", ["scaled", "mean"], ["means"]),
        helper.make_node("MatMul", ["means", "matrix"], ["product"]),
        helper.make_node("Add", ["product", "offset"], ["flat"]),
        helper.make_node("Reshape", ["flat", "out_shape"], ["landmarks"]),
    ]
    outputs = [helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, None)]
    for i, dims in enumerate(beside):
        values[f"beside_{i}"] = np.zeros(dims, np.float32)
        nodes.append(helper.make_node("Identity", [f"beside_{i}"], [f"other_{i}"]))
        outputs.insert(0, helper.make_tensor_value_info(f"other_{i}", TensorProto.FLOAT, None))
    count, height, width = shape
    dims = [count, 3, height, width] if layout == "NCHW" else [count, height, width, 3]
    image = helper.make_tensor_value_info("image", dtype, dims)
    held = [numpy_helper.from_array(np.asarray(v), k) for k, v in values.items()]
    graph = helper.make_graph(nodes, "oracle", [image], outputs, held)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(proto, path)
    return path


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(0).integers(0, 256, (7, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("own", "declared"),
    [
        ({}, {}),
        ({"channels": "RGB"}, {"channels": "RGB"}),
        ({"layout": "NHWC"}, {}),
        ({"layout": "NHWC", "channels": "RGB"}, {"layout": "NHWC", "channels": "RGB"}),
        ({"std": 0.5, "mean": 0.5}, {"scale": "signed"}),
        ({"std": 1 / 255}, {"scale": "0..255"}),
        ({"mean": 0.45, "std": 0.22}, {"mean": "0.45,0.45,0.45", "std": "0.22"}),
        (
            {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.1], "channels": "RGB"},
            {"mean": "0.4,0.5,0.6", "std": "0.2,0.3,0.1", "channels": "RGB"},
        ),
        ({"unit": "pixels"}, {"unit": "pixels"}),
        ({"unit": "signed"}, {"unit": "signed"}),
        ({"arrangement": "x_then_y"}, {"arrangement": "x_then_y"}),
        ({"out": [-1, 136]}, {}),
        ({"out": [-1, 136, 1, 1]}, {}),
        ({"shape": (1, SIZE, SIZE)}, {}),
        ({"shape": (3, SIZE, SIZE)}, {}),
        ({"shape": ("N", "H", "W")}, {}),
        ({"points": 98}, {}),
        ({"out": [1, 136]}, {}),  # an open batch that is not open inside
        ({"out": [136]}, {}),
        ({"out": [68, 2], "shape": (1, SIZE, SIZE)}, {}),
        ({"axes": 3}, {}),
        ({"axes": 3, "out": [-1, 204], "arrangement": "x_then_y"}, {"arrangement": "x_then_y"}),
        ({"dtype": TensorProto.UINT8, "std": 1 / 255}, {}),
        ({"dtype": TensorProto.DOUBLE}, {}),
        ({"points": 106, "order": LAPA_TO_NNI}, {"order": "lapa"}),
        ({"beside": [(1, 64, 28, 28)], "shape": (1, SIZE, SIZE)}, {}),
        (
            {"beside": [(1, 68, 2)], "shape": (1, SIZE, SIZE)},
            {"output": "landmarks"},
        ),
    ],
    ids=str,
)
def test_the_declared_model_gives_our_landmarks(tmp_path, crops, own, declared):
    opened = OnnxModel(model(tmp_path / "m.onnx", **own), Interface(**declared), SIZE)
    points = own.get("points", 68)
    assert (opened.size, opened.points) == (SIZE, points)
    predicted = opened.predict(crops, batch=4)
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted, expected(crops, points), atol=1e-5)
    assert opened.predict(crops[:0]).shape == (0, points, 2)


def test_half_precision(tmp_path, crops):
    opened = OnnxModel(model(tmp_path / "m.onnx", dtype=TensorProto.FLOAT16))
    np.testing.assert_allclose(opened.predict(crops), expected(crops, 68), atol=1e-3)


def test_bytes_have_no_other_scale(tmp_path):
    path = model(tmp_path / "m.onnx", dtype=TensorProto.UINT8)
    with pytest.raises(BadInput, match="takes pixels as uint8"):
        OnnxModel(path, Interface(scale="signed"))


@pytest.mark.parametrize("scale", ["wide", 0.1, float("nan"), None])
def test_metadata_that_cannot_be_is_named(exported, tmp_path, scale):
    preprocessing = {"channels": "BGR", "divide_by": 255, "crop_scale": scale}
    path = tmp_path / "m.onnx"
    path.write_bytes(with_metadata(exported, {"preprocessing": json.dumps(preprocessing)}))
    with pytest.raises(BadInput, match=r"m\.onnx: metadata, preprocessing: crop_scale is"):
        OnnxModel(path)


def test_the_declaration_matters(tmp_path, crops):
    """The table above could not pass by chance: each undeclared difference is seen."""
    for name, own in {
        "rgb": {"channels": "RGB"}, "scale": {"std": 0.5}, "unit": {"unit": "pixels"},
        "planes": {"arrangement": "x_then_y"},
    }.items():  # fmt: skip
        predicted = OnnxModel(model(tmp_path / f"{name}.onnx", **own)).predict(crops)
        assert np.abs(predicted - expected(crops, 68)).max() > 0.01, name


@pytest.fixture(scope="module")
def ours(exported):
    return OnnxModel(exported)


def test_a_file_of_ours_needs_no_declaration(ours, exported, net, images, tmp_path):
    assert (ours.size, ours.points) == (32, 68)
    assert ours.metadata["points"] == "68"
    (tmp_path / "net.onnx").write_bytes(exported)
    predicted = OnnxModel(tmp_path / "net.onnx", threads=2).predict(images)
    np.testing.assert_allclose(predicted, landmarks(net, images), atol=1e-5)


def test_the_file_states_the_scale_of_its_crops(ours, exported):
    stated = describe(size=32, scheme=SCHEMES[68], crop_scale=1.4, choice=[], commit="x", nme=0.1)
    assert OnnxModel(with_metadata(exported, stated)).crop_scale == 1.4
    assert ours.crop_scale == CROP_SCALE


def test_input_is_what_training_saw(images):
    np.testing.assert_array_equal(to_input(images), to_image_tensor(images).numpy())


@pytest.mark.parametrize("batch", [1, 3, 7, 64])
def test_batches_do_not_matter(ours, images, batch):
    whole = ours.predict(images)
    assert whole.shape == (7, 68, 2)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(ours.predict(images, batch), whole, atol=1e-6)


def test_crops_of_another_kind_are_refused(ours, images):
    for wrong in (images[:, :16, :16], images.astype(np.float64), to_input(images)):
        with pytest.raises(BadInput, match=r"the model takes uint8 \[n,32,32,3\]"):
            ours.predict(wrong)


def test_files_of_another_kind_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"none\.onnx: no such file"):
        OnnxModel(tmp_path / "none.onnx")
    with pytest.raises(BadInput, match="is a folder"):
        OnnxModel(tmp_path)
    (tmp_path / "bad.onnx").write_bytes(b"not a net")
    with pytest.raises(BadInput, match=r"bad\.onnx: onnxruntime cannot open the model"):
        OnnxModel(tmp_path / "bad.onnx")
    with pytest.raises(BadInput, match="the ONNX model: onnxruntime"):
        OnnxModel(b"")


@pytest.mark.parametrize(
    ("own", "declared", "reason"),
    [
        ({"points": 5}, {}, r"gives landmarks \[1, 5, 2\]; .* each of 68, 98, 106 points"),
        ({"beside": [(1, 68, 2)], "shape": (1, SIZE, SIZE)}, {}, "say with --output which one"),
        ({}, {"output": "heatmap"}, r"no output 'heatmap'; it gives landmarks \[1, 68, 2\]"),
        ({"beside": [(1, 3)]}, {"output": "other_0"}, "landmarks are two or three"),
        ({}, {"layout": "NHWC"}, "as NHWC that has 16 colours, not 3"),
        ({"shape": ("N", SIZE, 12)}, {}, "crops are square"),
        ({"shape": ("N", SIZE, 3)}, {}, "say with --layout"),
        ({}, {"order": "lapa"}, "gives 68 points; LaPa's order is for 106"),
        ({"out": [2, 34, 2]}, {}, r"gives landmarks \[2, 34, 2\]"),
        ({"out": [7, 9]}, {}, "does not run on NCHW pictures of 16 px"),
    ],
    ids=str,
)
def test_refusals(tmp_path, own, declared, reason):
    path = model(tmp_path / "m.onnx", **own)
    with pytest.raises(BadInput, match=reason):
        OnnxModel(path, Interface(**declared), SIZE)


def test_two_inputs_are_refused(tmp_path):
    both = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, SIZE, SIZE]) for name in "ab"
    ]
    out = helper.make_tensor_value_info("sum", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["sum"])], "g", both, [out])
    path = tmp_path / "two.onnx"
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(proto, path)
    with pytest.raises(BadInput, match="give a model of one picture"):
        OnnxModel(path)


def test_the_file_states_a_scheme_of_its_own(exported):
    own = replace(SCHEMES[68], name="ours", eyes=(37, 44))
    stated = describe(size=32, scheme=own, crop_scale=1.2, choice=[])
    assert OnnxModel(with_metadata(exported, stated)).scheme == own
    five = Scheme(5, "five", (0, 1), (1, 0, 2, 4, 3), (), {})
    other = describe(size=32, scheme=five, crop_scale=1.2, choice=[])
    with pytest.raises(BadInput, match="two or three values for each of 5 points"):
        OnnxModel(with_metadata(exported, other))
