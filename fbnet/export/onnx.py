"""A net as one ONNX file: export, checks, metadata, and its weights and MACs.

The file has input `image` float32 [N, 3, S, S] (BGR, 0..1; any N, or N = 1) and output `landmarks`
float32 [N, P, 2] (x, y) in units of the crop; on request others of `fbnet.outputs` after it. Equal
weights and metadata give equal bytes. What the metadata states is written by
`fbnet.predict.interface.describe`.
"""

import copy
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from fbnet.engines import fixed_batch
from fbnet.errors import Failure
from fbnet.outputs import LANDMARKS, OUTPUTS
from fbnet.predict.interface import to_input
from fbnet.predict.model import OnnxModel

INPUT = "image"
PLAIN = (LANDMARKS,)
"""What every net gives."""
DYNAMO_OPSET = 18
"""The least opset that torch's exporter writes; its TorchScript one writes older ones."""


class ExportError(Failure):
    """The exported file breaks its contract or differs from the net; it must not be published."""


class _LandmarksOnly(nn.Module):
    """A net without its second output (the pose net's feature)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = copy.deepcopy(net).cpu().float().eval()

    def forward(self, image: Tensor) -> Tensor:
        output = self.net(image)
        return output[0] if isinstance(output, tuple) else output


class _Outputs(nn.Module):
    """A net that gives several outputs of `PFLD.outputs`."""

    def __init__(self, net: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.net, self.names = copy.deepcopy(net).cpu().float().eval(), tuple(names)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        given = self.net.outputs(image)  # type: ignore[operator]
        return tuple(given[name] for name in self.names)


def export_onnx(
    net: nn.Module,
    size: int,
    points: int,
    metadata: Mapping[str, str],
    opset: int = DYNAMO_OPSET,
    outputs: Sequence[str] = PLAIN,
    dynamic_batch: bool = True,
) -> bytes:
    """The net in eval mode as a checked, simplified ONNX file with batch norm folded.

    net: takes [N, 3, size, size], gives [N, points, 2] or a tuple that starts with it; it is not
    changed. metadata: goes into the file as it is, so keep times and paths out of it. opset: 11 or
    more; below 18 the file also states the oldest format that has it. outputs: names of
    `fbnet.outputs`, in order; for more than landmarks the net is a `PFLD` with heads.
    dynamic_batch: off, the file takes one face a call.
    Raises ExportError when the file lacks the contracted input and output, keeps a batch norm or
    computes something else once simplified.
    """
    import onnxsim

    traced = _traced if opset >= DYNAMO_OPSET else _traced_as_torchscript
    model = traced(_giving(net, outputs), size, opset, outputs)
    if not dynamic_batch:
        model = onnx.load_from_string(fixed_batch(model.SerializeToString(), 1))
    model, same = onnxsim.simplify(model)
    if not same:
        raise ExportError("onnxsim changed what the net computes")
    # Drop what torch noted about the source: it holds absolute paths.
    graph = model.graph
    model.doc_string = graph.doc_string = ""
    for item in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del item.metadata_props[:]
    del graph.value_info[:]
    if opset < DYNAMO_OPSET:
        model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)
    _check(model, size, points, outputs, "N" if dynamic_batch else 1)
    return with_metadata(model.SerializeToString(deterministic=True), metadata)


def with_metadata(data: bytes, metadata: Mapping[str, str]) -> bytes:
    """The same file with `metadata` (in key order) in place of what it held."""
    model = onnx.load_from_string(data)
    onnx.helper.set_model_props(model, dict(sorted(metadata.items())))
    return bytes(model.SerializeToString(deterministic=True))


def _giving(net: nn.Module, outputs: Sequence[str]) -> nn.Module:
    """The net as one that gives these outputs alone."""
    return _LandmarksOnly(net) if tuple(outputs) == PLAIN else _Outputs(net, outputs)


def landmarks(net: nn.Module, crops: np.ndarray) -> np.ndarray:
    """The torch net's own landmarks float32 [n, P, 2] for crops uint8 BGR [n, S, S, 3]."""
    return own_outputs(net, crops)[LANDMARKS]


def own_outputs(
    net: nn.Module, crops: np.ndarray, outputs: Sequence[str] = PLAIN
) -> dict[str, np.ndarray]:
    """The torch net's own outputs by name, float32 [n, ...], for crops uint8 BGR [n, S, S, 3]."""
    with torch.inference_mode():
        values = _giving(net, outputs)(torch.from_numpy(to_input(crops)))
    several = values if isinstance(values, tuple) else (values,)
    return {name: value.numpy() for name, value in zip(outputs, several, strict=True)}


def require_parity(
    data: bytes,
    net: nn.Module,
    crops: np.ndarray,
    tolerance: float,
    outputs: Sequence[str] = PLAIN,
) -> float:
    """Largest difference between file and net over `crops`, in units of the crop.

    crops: uint8 BGR [n, S, S, 3]. Other outputs count by their `Output.unit`. Raises ExportError
    when it exceeds `tolerance` or is NaN.
    """
    difference = apart(OnnxModel(data).outputs(crops), own_outputs(net, crops, outputs))
    if not difference <= tolerance:
        raise ExportError(
            f"the ONNX file differs from the net by {difference:.2g} of the crop on "
            f"{len(crops)} faces; at most {tolerance:g} is allowed"
        )
    return difference


def apart(values: Mapping[str, np.ndarray], exact: Mapping[str, np.ndarray]) -> float:
    """Largest difference of the outputs of `exact`, in units of the crop; NaN where one is NaN."""
    largest = [np.abs(values[name] - exact[name]).max() / OUTPUTS[name].unit for name in exact]
    return float(np.max(largest))


@dataclass(frozen=True)
class Counts:
    """Weights and biases of a file, and its multiply-adds for one face."""

    params: int
    macs: int


def counts(data: bytes) -> Counts:
    """Parameters (batch norm folded, biases included) and MACs (biases left out) of a file.

    MACs are those with weights, as in `fbnet.costs.macs`: products of two maps are left out.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(data), strict_mode=True)
    graph = model.graph
    weights = {item.name: int(np.prod(item.dims)) for item in graph.initializer}
    shapes = {item.name: _dims(item) for item in (*graph.value_info, *graph.output)}
    # By node, not by initializer: the exporter lets equal tensors share one.
    nodes = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    params = sum(weights.get(name, 0) for node in nodes for name in node.input)
    macs = sum(
        weights[node.input[1]] * int(np.prod(shapes[node.output[0]][2:]))
        for node in nodes
        if node.input[1] in weights
    )
    return Counts(params, macs)


def _traced(module: nn.Module, size: int, opset: int, outputs: Sequence[str]) -> onnx.ModelProto:
    example = torch.zeros(2, 3, size, size)
    with _quiet():
        program = torch.onnx.export(
            module,
            (example,),
            dynamo=True,
            external_data=False,
            opset_version=opset,
            input_names=[INPUT],
            output_names=[*outputs],
            dynamic_shapes=({0: torch.export.Dim("N")},),
            verbose=False,
        )
    return program.model_proto  # type: ignore[union-attr]


def _traced_as_torchscript(
    module: nn.Module, size: int, opset: int, outputs: Sequence[str]
) -> onnx.ModelProto:
    stream: Any = io.BytesIO()
    with _quiet():
        torch.onnx.export(
            module,
            (torch.zeros(2, 3, size, size),),
            stream,
            dynamo=False,
            opset_version=opset,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_axes={name: {0: "N"} for name in (INPUT, *outputs)},
        )
    return onnx.load_from_string(stream.getvalue())


def _check(
    model: onnx.ModelProto, size: int, points: int, outputs: Sequence[str], batch: str | int
) -> None:
    """Raise ExportError unless the file is valid, as contracted and without batch norms."""
    onnx.checker.check_model(model, full_check=True)
    graph = model.graph
    shapes = {item.name: _dims(item) for item in (*graph.input, *graph.output)}
    contract = {INPUT: [batch, 3, size, size]}
    contract |= {name: [batch, *OUTPUTS[name].shape(points)] for name in outputs}
    if shapes != contract:
        raise ExportError(f"the file takes and gives {shapes}, not {contract}")
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
