"""A net as one ONNX file: export, simplification, checks, metadata, and what it holds.

The file has input `image` float32 [N, 3, S, S] (BGR, 0..1, any N) and output `landmarks` float32
[N, P, 2] (x, y) in units of the crop. Equal weights and metadata give equal bytes.
"""

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from fbnet.predict.runtime import OnnxModel, to_input

INPUT, OUTPUT = "image", "landmarks"


class ExportError(RuntimeError):
    """The exported file is not what it has to be; it must not be published."""


class _LandmarksOnly(nn.Module):
    """A net without its second output (the pose net's feature)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = copy.deepcopy(net).cpu().float().eval()

    def forward(self, image: Tensor) -> Tensor:
        output = self.net(image)
        return output[0] if isinstance(output, tuple) else output


def export_onnx(
    net: nn.Module, size: int, points: int, metadata: Mapping[str, str], opset: int = 18
) -> bytes:
    """The net in eval mode as a checked, simplified ONNX file with batch norm folded.

    net: takes [N, 3, size, size], gives [N, points, 2] or a tuple that starts with it; left as
    it is. metadata: goes into the file as it is, so keep times and paths out of it.
    Raises ExportError when the file lacks the contracted input and output or keeps a batch norm.
    """
    model = _simplified(_traced(_LandmarksOnly(net), size, opset))
    _strip(model)
    _check(model, size, points)
    return with_metadata(model.SerializeToString(deterministic=True), metadata)


def with_metadata(data: bytes, metadata: Mapping[str, str]) -> bytes:
    """The same file with `metadata` (in key order) in place of what it held."""
    model = onnx.load_from_string(data)
    onnx.helper.set_model_props(model, dict(sorted(metadata.items())))
    return bytes(model.SerializeToString(deterministic=True))


def landmarks(net: nn.Module, images: np.ndarray) -> np.ndarray:
    """What the net itself gives, float32 [n, P, 2]; images: uint8 BGR crops [n, S, S, 3]."""
    with torch.inference_mode():
        found: np.ndarray = _LandmarksOnly(net)(torch.from_numpy(to_input(images))).numpy()
    return found


def parity(data: bytes, net: nn.Module, images: np.ndarray, threads: int = 1) -> float:
    """Largest difference between file and net over `images`, in units of the crop.

    images: uint8 BGR crops [n, S, S, 3].
    """
    found = OnnxModel(data, threads).predict(images)
    return float(np.abs(found - landmarks(net, images)).max())


def require_parity(data: bytes, net: nn.Module, images: np.ndarray, tolerance: float) -> float:
    """`parity`, or ExportError when it exceeds `tolerance` (or is NaN)."""
    difference = parity(data, net, images)
    if not difference <= tolerance:
        raise ExportError(
            f"the ONNX file differs from the net by {difference:.2g} of the crop on "
            f"{len(images)} faces; at most {tolerance:g} is allowed"
        )
    return difference


@dataclass(frozen=True)
class Counts:
    """What a file computes with: weights and biases, and multiply-adds for one face."""

    params: int
    macs: int


def counts(data: bytes) -> Counts:
    """Parameters (batch norm folded, biases included) and MACs (biases left out) of a file."""
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(data), strict_mode=True)
    graph = model.graph
    weights = {item.name: int(np.prod(item.dims)) for item in graph.initializer}
    shapes = {item.name: _dims(item) for item in (*graph.value_info, *graph.output)}
    # By node, not by initializer: the exporter lets equal tensors share one.
    nodes = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    params = sum(weights.get(name, 0) for node in nodes for name in node.input)
    macs = sum(weights[node.input[1]] * int(np.prod(shapes[node.output[0]][2:])) for node in nodes)
    return Counts(params, macs)


def _traced(module: nn.Module, size: int, opset: int) -> onnx.ModelProto:
    example = torch.zeros(2, 3, size, size)
    with _quiet():
        program = torch.onnx.export(
            module,
            (example,),
            dynamo=True,
            external_data=False,
            opset_version=opset,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("N")},),
            verbose=False,
        )
    return program.model_proto  # type: ignore[union-attr]


def _simplified(model: onnx.ModelProto) -> onnx.ModelProto:
    import onnxsim

    simplified, same = onnxsim.simplify(model)
    if not same:
        raise ExportError("onnxsim changed what the net computes")
    return simplified


def _strip(model: onnx.ModelProto) -> None:
    """Drop what torch noted about the source: it holds absolute paths."""
    graph = model.graph
    model.doc_string = graph.doc_string = ""
    for item in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del item.metadata_props[:]
    del graph.value_info[:]


def _check(model: onnx.ModelProto, size: int, points: int) -> None:
    onnx.checker.check_model(model, full_check=True)
    graph = model.graph
    found = {item.name: _dims(item) for item in (*graph.input, *graph.output)}
    wanted = {INPUT: ["N", 3, size, size], OUTPUT: ["N", points, 2]}
    if found != wanted:
        raise ExportError(f"the file takes and gives {found}, not {wanted}")
    left = {node.op_type for node in graph.node if "BatchNorm" in node.op_type}
    if left:
        raise ExportError(f"batch norm was not folded: {', '.join(sorted(left))} nodes are left")


def _dims(value: onnx.ValueInfoProto) -> list[Any]:
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


@contextmanager
def _quiet() -> Iterator[None]:
    """Torch's exporter warns about its own internals and about torchvision."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
