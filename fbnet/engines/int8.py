"""An ONNX net with weights and activations in 8 bits: static, a scale for each output channel.

Two forms, which compute the same: integer operators, which onnxruntime alone runs and which make
the smaller file, and QDQ (the float net between pairs of QuantizeLinear and DequantizeLinear),
which other tools read as well.
"""

import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fbnet.engines.onnxruntime import inference_session
from fbnet.progress import say

CALIBRATION_BATCH = 32
COVERED, RANGED = 0.9999, 256
"""Share of an activation's values that its range holds, and most inputs over which ranges are
taken: the quantiser keeps all their activations, 3 MB an input."""
LEAST_OPSET = 13
"""The first whose DequantizeLinear has a scale for each channel."""
SCORE = "test_nme"
"""Key of the file's metadata for its accuracy: true of the fp32 net only."""
LARGEST, PAIR = 127, 128
"""Largest magnitude of a weight; and of the sum of two of one sign in a channel, where sums of 16
bits hold it: 255 * 128 < 2^15."""
DEFAULTS = {"auto_pad": b"NOTSET", "group": 1, "ceil_mode": 0, "storage_order": 0}
"""Attributes of convolution and pooling that say nothing in a file."""


def static_int8(data: bytes, inputs: np.ndarray, qdq: bool = False) -> bytes:
    """An ONNX net in int8; equal inputs give equal bytes.

    inputs: float32 [n, 3, S, S] in 0..1. The range of every activation (uint8) is what all but
    1 - `COVERED` of its values over `RANGED` of them keep within; and the biases of the outputs are
    corrected by their mean error over all of them (arXiv 1906.04721, section 4.2, on the last
    layers alone). Weights (int8) have a scale for each output channel: see `channel_scales`. The
    convolutions behind the last activation compute in float on them: 256 steps of the feature and
    of the outputs cost as much as all the rest.
    Metadata is kept but for the score; names are short ones, since a file has hundreds of them.
    """
    import onnx

    model = onnx.load_from_string(data)
    if (opset := max(opset.version for opset in model.opset_import)) < LEAST_OPSET:
        say(f"int8: opset {opset} has no scales by channel; the file in int8 is of {LEAST_OPSET}")
        model = onnx.version_converter.convert_version(model, LEAST_OPSET)
    errors = _mean_errors(model, _quantised(model, inputs, qdq), inputs)
    for bias, error in errors:
        values = onnx.numpy_helper.to_array(bias) - error.reshape(-1)
        bias.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float32), bias.name))
    quantised = _quantised(model, inputs, qdq)
    metadata = {prop.key: prop.value for prop in model.metadata_props if prop.key != SCORE}
    onnx.helper.set_model_props(quantised, dict(sorted(metadata.items())))
    _compact(quantised)
    return bytes(quantised.SerializeToString(deterministic=True))


def _quantised(model: Any, inputs: np.ndarray, qdq: bool) -> Any:
    """The ONNX model that the quantiser makes of `model`, which stays as it is.

    inputs: float32 [n, 3, S, S]; qdq: the form, see `static_int8`.
    """
    import onnx
    from onnxruntime.quantization import (
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    ranged = inputs[np.linspace(0, len(inputs) - 1, min(RANGED, len(inputs))).round().astype(int)]
    last = _linear_ends(model)
    with TemporaryDirectory() as folder, _without_advice():
        path = Path(folder) / "int8.onnx"
        quantize_static(
            onnx.ModelProto.FromString(model.SerializeToString()),  # it changes what it is given
            path,
            _calibration_reader(model.graph.input[0], ranged),
            quant_format=QuantFormat.QDQ if qdq else QuantFormat.QOperator,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
            nodes_to_exclude=last,
            extra_options={
                "TensorQuantOverrides": _weight_scales(model),
                "CalibPercentile": 100 * COVERED,
            },
        )
        quantised = onnx.load(path)
    for node in list(quantised.graph.node):
        if node.name in last:
            _store_in_int8(quantised.graph, node)
    return quantised


def _output_convolutions(model: Any) -> list[tuple[Any, str]]:
    """Of each output that a convolution with a bias gives: its node, and the output's name."""
    makers = {name: node for node in model.graph.node for name in node.output}
    found = []
    for output in model.graph.output:
        node = makers.get(output.name)
        while node is not None and node.op_type == "Reshape":
            node = makers.get(node.input[0])
        if node is not None and node.op_type == "Conv" and len(node.input) == 3:
            found.append((node, output.name))
    return found


def _linear_ends(model: Any) -> list[str]:
    """Names of the convolutions that give outputs, and of those straight before them."""
    makers = {name: node for node in model.graph.node for name in node.output}
    names: dict[str, None] = {}
    for node, _ in _output_convolutions(model):
        while node is not None and node.op_type == "Conv":
            names[node.name] = None
            node = makers.get(node.input[0])
    return [*names]


def _store_in_int8(graph: Any, node: Any) -> None:
    """Put a convolution's weights into the file as int8 with a scale for each output channel."""
    import onnx

    tensors = {item.name: item for item in graph.initializer}
    name = node.input[1]
    weights = onnx.numpy_helper.to_array(tensors[name])
    scales = channel_scales(weights, in_pairs=False)
    steps = np.rint(weights / scales.reshape(-1, *[1] * (weights.ndim - 1))).astype(np.int8)
    graph.initializer.remove(tensors[name])
    stored = {f"{name}_int8": steps, f"{name}_scales": scales}
    graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in stored.items())
    dequantise = onnx.helper.make_node("DequantizeLinear", [*stored], [name], axis=0)
    graph.node.insert([*graph.node].index(node), dequantise)


def _mean_errors(model: Any, quantised: Any, inputs: np.ndarray) -> list[tuple[Any, np.ndarray]]:
    """Of each output that a convolution gives: its bias in `model`, and its mean error.

    The error [...] is what the quantised net gives above the float one, a mean over the inputs
    float32 [n, 3, S, S], in the output's own units.
    """
    biases = {item.name: item for item in model.graph.initializer}
    errors = []
    for node, output in _output_convolutions(model):
        means = [_mean_output(net, output, inputs) for net in (quantised, model)]
        errors.append((biases[node.input[2]], means[0] - means[1]))
    return errors


def _mean_output(model: Any, name: str, inputs: np.ndarray) -> np.ndarray:
    """Mean over the inputs of one output, float64 [...] without the batch axis."""
    session = inference_session(model.SerializeToString(), threads=1)
    reader, outputs = _calibration_reader(model.graph.input[0], inputs), []
    while (given := reader.get_next()) is not None:
        outputs.append(session.run([name], given)[0])
    return np.concatenate(outputs).mean(axis=0, dtype=np.float64)


def channel_scales(weights: np.ndarray, in_pairs: bool) -> np.ndarray:
    """The smallest scale of each output channel that holds its weights, float32 [C_out].

    weights: [C_out, C_in, K, K]. in_pairs: whether products are added in pairs. x86 processors
    without VNNI add two of an activation and a weight in 16 bits: with weights of 8 bits that sum
    may overflow. So two weights of one sign in a channel add up to 128 at most, which costs them
    less than the usual 7 bits do. Depthwise convolutions and those in float need none of that.
    """
    rows = weights.reshape(len(weights), -1).astype(np.float64)
    scales = np.abs(rows).max(axis=1) / LARGEST
    if in_pairs and rows.shape[1] > 1:
        signed = (np.sort(np.clip(sign * rows, 0, None), axis=1) for sign in (1, -1))
        pairs = np.maximum(*(row[:, -2:].sum(axis=1) for row in signed))
        # Rounding may add half a step to each of the two.
        scales = np.maximum(scales, pairs / (PAIR - 1))
    return np.where(scales > 0, scales, 1).astype(np.float32)


def _weight_scales(model: Any) -> dict[str, list[dict[str, Any]]]:
    """The scales of all convolutions' weights, in the form that onnxruntime's quantiser takes."""
    import onnx
    from onnxruntime.quantization import QuantType

    tensors = {item.name: item for item in model.graph.initializer}
    overrides: dict[str, list[dict[str, Any]]] = {}
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[1] in tensors:
            weights = onnx.numpy_helper.to_array(tensors[node.input[1]])
            scales = channel_scales(weights, in_pairs=_attributes(node).get("group", 1) == 1)
            fixed = {"quant_type": QuantType.QInt8, "axis": 0, "zero_point": np.int8(0)}
            overrides[node.input[1]] = [fixed | {"scale": scale} for scale in scales]
    return overrides


def _compact(model: Any) -> None:
    """Drop what a file says twice or by default, in place: half of an int8 file otherwise."""
    import onnx

    graph = model.graph
    del graph.value_info[:]
    tensors = {item.name: onnx.numpy_helper.to_array(item) for item in graph.initializer}
    contents = {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in tensors.items()}
    first: dict[Any, str] = {}
    same = {name: first.setdefault(content, name) for name, content in contents.items()}
    kept = {value.name for value in (*graph.input, *graph.output)}
    names: dict[str, str] = {name: name for name in ("", *kept)}
    for node in graph.node:
        scales = tensors.get(node.input[1]) if node.op_type == "DequantizeLinear" else None
        if scales is not None and scales.ndim and len(node.input) == 3:
            del node.input[2]  # the zero point of weights and biases, which is zero
        for values in (node.input, node.output):
            for i, name in enumerate(values):
                values[i] = names.setdefault(same.get(name, name), f"{len(names):x}")
        node.name = node.doc_string = ""
        if node.op_type in ("Conv", "QLinearConv", "MaxPool"):
            _drop_defaults(node)
    used = {name for node in graph.node for name in node.input}
    shared = [name for name in tensors if same[name] == name and names.get(name) in used]
    del graph.initializer[:]
    graph.initializer.extend(
        onnx.numpy_helper.from_array(tensors[name], names[name]) for name in shared
    )
    domains = {node.domain for node in graph.node}
    opsets = [opset for opset in model.opset_import if opset.domain in domains]
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    onnx.checker.check_model(model, full_check=not domains - {""})


def _drop_defaults(node: Any) -> None:
    attributes = _attributes(node)
    for attribute in list(node.attribute):
        name, value = attribute.name, attributes[attribute.name]
        implied = name == "kernel_shape" and node.op_type != "MaxPool"  # the weights have it
        even = {"pads": 0, "strides": 1, "dilations": 1}.get(name)
        if implied or DEFAULTS.get(name) == value or (even is not None and set(value) == {even}):
            node.attribute.remove(attribute)


def _attributes(node: Any) -> Mapping[str, Any]:
    import onnx

    return {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}


def _calibration_reader(value: Any, inputs: np.ndarray) -> Any:
    """The inputs in batches, in the form that onnxruntime's quantiser reads."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            batch = value.type.tensor_type.shape.dim[0].dim_value or CALIBRATION_BATCH
            starts = range(0, len(inputs), batch)
            self.batches = iter([{value.name: inputs[at : at + batch]} for at in starts])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.batches, None)

    return Reader()


@contextmanager
def _without_advice() -> Iterator[None]:
    """The quantiser prints its progress and recommends what the export has done already."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
