"""The latency table of a search space: its blocks timed in an engine here, or a device's file."""

import io
import os
import warnings
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from fbnet.costs.device_lut import device_table
from fbnet.costs.latency_model import (
    Shape,
    block_shape,
    layer_ends,
    reference_choices,
    table_from_timings,
)
from fbnet.costs.timing import BURST, Call, call_of, cpu_model, measure
from fbnet.engines import ENGINES, input_shape
from fbnet.errors import safe_point
from fbnet.nets.blocks import initialise
from fbnet.nets.pfld import PFLD, build_subnet, slots
from fbnet.params import LutParams, SpaceParams

K = TypeVar("K", bound=Hashable)


def latency_table(
    space: SpaceParams, points: int, params: LutParams, size: int = 112
) -> dict[str, Any]:
    """The latency table for faces of `size` pixels: measured here, or read from `params.file`.

    Keys: unit "ms", points, size, engine, version, cpu, protocol; `layers`: per searchable layer
    its shape and `blocks` {name: {n, min, median, mean, std, ci}}; `fixed` {median}: whole nets'
    latency less the sum of their entries, so that sums predict whole nets, with `references`, the
    nets it was taken from. Equal shapes are measured once. A file's entries hold `median` only.
    Raises BadInput for a file that lacks an entry or holds an impossible one.
    """
    if params.source == "file":
        return device_table(space, points, params, size)
    layers = slots(space, size)
    references = reference_choices(layers)
    models = table_models(space, points, params, size, references)
    times = measure(
        calls(models, params.engine, params.threads, params.seed),
        warmup=params.warmup,
        rounds=params.rounds,
        ci_target=params.ci_target,
        max_seconds=params.max_seconds,
    )
    stated = {"threads", "batch", "warmup", "rounds", "ci_target", "max_seconds"}
    protocol = params.model_dump(include=stated) | {"burst": BURST, "interleaved": True}
    return {
        **table_from_timings(times, layers, references),
        "points": points,
        "size": size,
        **machine(params.engine),
        "protocol": protocol,
    }


def machine(engine: str) -> dict[str, str]:
    """What a timing depends on: engine, its version, the processor."""
    return {"engine": engine, "version": ENGINES[engine].version(), "cpu": cpu_model()}


def calls(models: Mapping[K, bytes], engine: str, threads: int = 1, seed: int = 0) -> dict[K, Call]:
    """ONNX models of fixed input shape, converted and loaded, ready for `timing.measure`."""
    converted = convert_all(models, engine)
    opened = {key: ENGINES[engine].open(model, threads) for key, model in converted.items()}
    return {key: call_of(opened[key], input_shape(models[key]), seed) for key in models}


def convert_all(models: Mapping[K, bytes], engine: str) -> dict[K, dict[str, bytes]]:
    """ONNX nets as fp32 models of `engine`, several at a time; equal nets are converted once."""
    distinct = list(dict.fromkeys(models.values()))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        converted = {}
        for data, model in zip(distinct, pool.map(ENGINES[engine].convert, distinct), strict=True):
            safe_point()
            converted[data] = model
    return {key: converted[data] for key, data in models.items()}


def table_models(
    space: SpaceParams,
    points: int,
    params: LutParams,
    size: int,
    references: Sequence[tuple[str, ...]],
) -> dict[Hashable, bytes]:
    """ONNX of all that a table is computed from, each once.

    Keys: (block, shape) of blocks, (channels, side) of their neighbours alone, choices of nets.
    """
    models: dict[Hashable, bytes] = {}
    models.update(block_models(space, size, params.seed, params.batch).items())
    for slot in slots(space, size):
        for channels, side in layer_ends(slot):
            if (channels, side) not in models:
                models[channels, side] = neighbours_model(channels, side, params.seed, params.batch)
    for choice in references:
        models[choice] = net_model(space, points, choice, size, params.seed, params.batch)
    return models


def block_models(
    space: SpaceParams, size: int = 112, seed: int = 0, batch: int = 1
) -> dict[tuple[str, Shape], bytes]:
    """ONNX of each distinct (block, shape) of a space, as `latency_table` times it.

    The block stands between two tiny convolutions, as in a net: alone it would also pay for
    bringing its input and output into the engine's own layout, and would not fuse a residual.
    `neighbours_model` is what to subtract.
    """
    models: dict[tuple[str, Shape], bytes] = {}
    for slot in slots(space, size):
        for block in slot.blocks:
            if (block, block_shape(slot)) in models:
                continue
            net = nn.Sequential(_neighbour(slot.c_in), slot.build(block), _neighbour(slot.c_out))
            initialise(net, seed)
            onnx = quick_onnx(net, (batch, slot.c_in, slot.size, slot.size))
            models[block, block_shape(slot)] = onnx
    return models


def neighbours_model(channels: int, side: int, seed: int = 0, batch: int = 1) -> bytes:
    """ONNX of the two tiny convolutions alone: their cost, and that of a session's call."""
    net = nn.Sequential(_neighbour(channels), _neighbour(channels))
    initialise(net, seed)
    return quick_onnx(net, (batch, channels, side, side))


def _neighbour(channels: int) -> nn.Module:
    return nn.Conv2d(channels, channels, 1, groups=channels, bias=False)


class _Landmarks(nn.Module):
    """The net without its second output, which is for training only."""

    def __init__(self, net: PFLD) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)[0]


def net_model(
    space: SpaceParams,
    points: int,
    choice: Sequence[str],
    size: int = 112,
    seed: int = 0,
    batch: int = 1,
) -> bytes:
    """ONNX of a whole subnet with fresh weights, for timing."""
    net = build_subnet(space, points, choice, size, seed)
    return quick_onnx(_Landmarks(net), (batch, 3, size, size))


def quick_onnx(module: nn.Module, shape: Sequence[int]) -> bytes:
    """ONNX of a module in evaluation, batch norm folded, for an input of fixed `shape`.

    The TorchScript exporter takes a tenth of a second where the newer one takes seconds; what is
    deployed goes through `fbnet.export.onnx`.
    """
    safe_point()
    stream: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        torch.onnx.export(
            module.eval(), (torch.zeros(tuple(shape)),), stream, dynamo=False, opset_version=18
        )
    return stream.getvalue()
