"""An ONNX net as a torch module, for engines whose converters read torch only.

It knows the operators that the nets of this project have; another one is a ConversionError.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from fbnet.engines.base import ConversionError

Attributes = Mapping[str, Any]


class OnnxNet(nn.Module):
    """Runs the nodes of an ONNX graph with one input, in order."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        graph = onnx.load_from_string(data).graph
        self.nodes = [node for node in graph.node if node.op_type != "Constant"]
        self.input, self.outputs = graph.input[0].name, [value.name for value in graph.output]
        self.constants = _constants(graph)
        self.places: dict[str, str] = {}
        for i, (name, value) in enumerate(self.constants.items()):
            if value.dtype == np.float32:
                self.places[name] = f"constant{i}"
                self.register_buffer(f"constant{i}", torch.from_numpy(value.copy()))
        for node in self.nodes:
            if node.op_type not in OPERATORS:
                raise ConversionError(f"no torch form of the net's operator {node.op_type}")

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The graph's output for its input, or a tuple of them where it has several."""
        values: dict[str, Any] = dict(self.constants) | {self.input: x}
        values |= {name: getattr(self, place) for name, place in self.places.items()}
        for node in self.nodes:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            inputs = [values[name] for name in node.input if name]
            values[node.output[0]] = OPERATORS[node.op_type](attributes, *inputs)
        outputs = tuple(values[name] for name in self.outputs)
        return outputs if len(outputs) > 1 else outputs[0]


def torch_net(data: bytes) -> nn.Module:
    """The net of an ONNX file, in eval mode. Raises ConversionError for an unknown operator."""
    return OnnxNet(data).eval()


def _constants(graph: Any) -> dict[str, np.ndarray]:
    """Initializers and constants, and what is another name of one."""
    arrays = {item.name: onnx.numpy_helper.to_array(item) for item in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            arrays[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Identity" and node.input[0] in arrays:
            arrays[node.output[0]] = arrays[node.input[0]]
    return arrays


def _conv(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    stride, dilation = a.get("strides", 1), a.get("dilations", 1)
    if a.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise ConversionError("a convolution with auto_pad")
    padding = _padding(a)
    return functional.conv2d(x, weight, bias, stride, padding, dilation, a.get("group", 1))


def _max_pool(a: Attributes, x: Tensor) -> Tensor:
    stride = a.get("strides", [1, 1])
    return functional.max_pool2d(x, a["kernel_shape"], stride, _padding(a))


def _padding(a: Attributes) -> list[int]:
    """(top, left) of an even padding, as torch has it."""
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    if (top, left) != (bottom, right):
        raise ConversionError(f"padding {a['pads']} differs from side to side")
    return [top, left]


def _hard_sigmoid(a: Attributes, x: Tensor) -> Tensor:
    if not np.isclose(a.get("alpha", 0.2), 1 / 6) or a.get("beta", 0.5) != 0.5:
        raise ConversionError(f"a hard sigmoid of slope {a.get('alpha', 0.2):g}")
    return functional.hardsigmoid(x)


OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": lambda a, x, y: x + y,
    "Concat": lambda a, *x: torch.cat(x, a["axis"]),
    "Conv": _conv,
    "HardSigmoid": _hard_sigmoid,
    "Identity": lambda a, x: x,
    "MaxPool": _max_pool,
    "Mul": lambda a, x, y: x * y,
    "Relu": lambda a, x: functional.relu(x),
    "Reshape": lambda a, x, shape: x.reshape(shape.tolist()),
    "Sigmoid": lambda a, x: x.sigmoid(),
}
"""ONNX operator -> its computation in torch, given the node's attributes and inputs."""
