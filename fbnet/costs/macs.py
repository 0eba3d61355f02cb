"""Exact multiply-accumulates and parameters of blocks and nets, batch norm folded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fbnet.nets.pfld import PFLD, Slot, slots
from fbnet.params import SpaceParams


@dataclass(frozen=True)
class Count:
    """Size of a net in evaluation."""

    macs: int
    """Multiply-accumulates of convolutions and linear layers for one input."""
    params: int
    """Parameters once every batch norm is folded into the convolution before it."""

    def __add__(self, other: "Count") -> "Count":
        return Count(self.macs + other.macs, self.params + other.params)

    def __sub__(self, other: "Count") -> "Count":
        return Count(self.macs - other.macs, self.params - other.params)


def count(module: nn.Module, shape: Sequence[int]) -> Count:
    """Count `module` on an input of `shape` [1,C,H,W].

    The net runs once on its own device; on the meta device only shapes are computed. A batch norm
    counts as one bias per channel, which is what it leaves after folding.
    """
    total = Count(0, 0)

    def add(layer: nn.Module, _: Any, output: Tensor) -> None:
        nonlocal total
        total += _layer(layer, output)

    counted = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)
    hooks = [m.register_forward_hook(add) for m in module.modules() if isinstance(m, counted)]
    was_training = module.training
    device = next((p.device for p in module.parameters()), torch.device("meta"))
    try:
        with torch.no_grad():
            module.eval()(torch.empty(tuple(shape), device=device))
    finally:
        module.train(was_training)
        for hook in hooks:
            hook.remove()
    return total


def _layer(layer: nn.Module, output: Tensor) -> Count:
    if isinstance(layer, nn.BatchNorm2d):
        return Count(0, layer.num_features)
    weight = layer.weight
    assert isinstance(weight, Tensor)
    bias = 0 if layer.bias is None else weight.shape[0]
    # Every output value takes one product per weight of its output channel.
    return Count(output.numel() * weight[0].numel(), weight.numel() + bias)


def count_block(slot: Slot, block: str) -> Count:
    """One candidate at one layer's shape."""
    with torch.device("meta"):
        return count(slot.build(block), (1, slot.c_in, slot.size, slot.size))


def count_net(space: SpaceParams, points: int, choice: Sequence[str], size: int = 112) -> Count:
    """A whole subnet, without the pose net."""
    with torch.device("meta"):
        net = PFLD(
            space,
            points,
            [slot.build(b) for slot, b in zip(slots(space, size), choice, strict=True)],
            size,
        )
        return count(net, (1, 3, size, size))


def macs_table(space: SpaceParams, points: int, size: int = 112) -> dict[str, Any]:
    """The exact table of MACs, in the JSON form of a table (`fbnet.costs.lut`).

    Keys: unit "MACs", points, size, `fixed` {macs, params} of all but the searchable layers, and
    `layers`: per searchable layer its shape and `blocks` {name: {macs, params}}. The same on every
    machine.
    """
    layers = slots(space, size)
    first = [slot.blocks[0] for slot in layers]
    fixed = count_net(space, points, first, size)
    for slot in layers:
        fixed -= count_block(slot, slot.blocks[0])
    return {
        "unit": "MACs",
        "points": points,
        "size": size,
        "fixed": vars(fixed),
        "layers": [
            slot.shape() | {"blocks": {b: vars(count_block(slot, b)) for b in slot.blocks}}
            for slot in layers
        ],
    }
