"""Searchable layers with their shapes, found by running the topology on the meta device."""

from dataclasses import dataclass

import torch
from torch import nn

from fbnet.errors import BadInput
from fbnet.nets.blocks import BLOCKS, output_side
from fbnet.nets.stem import SIZE_STEP, Stem, block4_1
from fbnet.params import SpaceParams


@dataclass(frozen=True)
class Slot:
    """One searchable layer."""

    c_in: int
    c_out: int
    stride: int
    size: int
    """Side of the input map, in pixels."""
    blocks: tuple[str, ...]
    """Names of the candidates, in the order of masks and tables."""

    @property
    def output_size(self) -> int:
        """Side of the output map, in pixels."""
        return output_side(self.size, self.stride)

    def build(self, block: str) -> nn.Module:
        """Candidate `block` at this layer's shape: [B,c_in,size,size] -> [B,c_out,...]."""
        return BLOCKS[block](self.c_in, self.c_out, self.stride, self.size)

    def shape(self) -> dict[str, int]:
        """Everything but the candidates, as tables store it."""
        return {name: getattr(self, name) for name in ("c_in", "c_out", "stride", "size")}


def slots(space: SpaceParams, size: int = 112) -> tuple[Slot, ...]:
    """The searchable layers of a net for square inputs of side `size`, first to last.

    Raises BadInput for a size that the stem cannot halve twice.
    """
    if size < SIZE_STEP or size % SIZE_STEP:
        raise BadInput(f"input size {size}: must be a positive multiple of {SIZE_STEP}")
    with torch.device("meta"):
        feature, _ = Stem().eval()(torch.empty(1, 3, size, size))
        x = block4_1(feature.shape[-1]).eval()(feature)
        found = []
        for stage in space.stages:
            for layer in range(stage.layer_num):
                stride = stage.stride if layer == 0 else 1
                slot = Slot(x.shape[1], stage.channels, stride, x.shape[-1], stage.ops)
                found.append(slot)
                x = slot.build(stage.ops[0]).eval()(x)
    return tuple(found)
