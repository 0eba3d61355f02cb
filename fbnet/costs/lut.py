"""The look-up table (LUT): what each block costs in each layer, and a net's cost as a sum.

Its JSON form has the keys unit, points, size, `layers` (a searchable layer's shape and `blocks`
{name: {macs, params} or {median, ...}}) and `fixed` (the same figures for the rest of the net).
"""

import functools
import math
import operator
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from fbnet.errors import BadInput, listed
from fbnet.files import read_json, validated
from fbnet.nets.pfld import Slot, slots
from fbnet.params import MOST_THREADS, SpaceParams

VALUE_KEY = {"MACs": "macs", "ms": "median"}
"""Which figure of an entry is its cost, by the table's unit."""
FREE_BLOCKS = ("skip",)
"""Blocks that may cost nothing."""


@dataclass(frozen=True)
class Lut:
    """Costs of every block in every searchable layer, and of the rest of the net.

    Raises BadInput for a cost that is negative, not finite, or zero for a block that computes.
    """

    unit: str
    """MACs or ms."""
    layers: tuple[dict[str, float], ...]
    """Per searchable layer: block -> cost, in the order of the space's lists and of masks."""
    fixed: float
    """Cost of stem, block4_1 and head."""
    source: str
    """Where the table came from, for messages."""
    error: float = 0.0
    """Mean share by which its sums miss whole nets that were measured with it; 0 if none were."""
    size: int | None = None
    """Side of the input it holds for, in pixels; None if it does not say."""

    def __post_init__(self) -> None:
        for i, layer in enumerate(self.layers):
            for block, cost in layer.items():
                check_cost(cost, block, f"{self.source}: layer {i}")
        if not (math.isfinite(self.fixed) and self.fixed >= 0):
            raise BadInput(f"{self.source}: fixed part costs {self.fixed}; must be 0 or more")

    def tensors(self, dtype: torch.dtype, device: torch.device) -> list[Tensor]:
        """Costs of each layer's blocks as a tensor, copied to a device once."""
        key = (dtype, device)
        if key not in self._tensors:
            self._tensors[key] = [
                torch.tensor(list(layer.values()), dtype=dtype, device=device)
                for layer in self.layers
            ]
        return self._tensors[key]

    @functools.cached_property
    def _tensors(self) -> dict[tuple[torch.dtype, torch.device], list[Tensor]]:
        return {}


class _Part(BaseModel):
    """A part of a table's JSON; keys that are not named here are free."""

    model_config = ConfigDict(extra="allow")


class _Reference(_Part):
    choice: list[str]
    median: float = Field(gt=0)


class _FixedPart(_Part):
    references: list[_Reference] = []


class _Layer(_Part):
    blocks: dict[str, dict[str, Any]]


class _Protocol(_Part):
    """How it was measured, as far as whole nets are timed the same way."""

    threads: int = Field(1, ge=1, le=MOST_THREADS)
    batch: int = Field(1, ge=1)


class _Table(_Part):
    """Types of a cost table, as far as they do not depend on its unit and the space."""

    unit: str
    size: int = Field(ge=32, le=4096)
    layers: list[_Layer]
    fixed: _FixedPart
    points: int | None = None
    engine: str | None = None
    mape: float | None = Field(None, ge=0, le=1e3)
    protocol: _Protocol = _Protocol()


def from_json(path: str | Path, space: SpaceParams) -> Lut:
    """Read a table of MACs or latencies from its JSON file; of a latency the median counts.

    Raises BadInput naming layer and block where the table lacks an entry, and the layer where
    it holds for other shapes.
    """
    return from_table(read_json(path), space, path)


def from_table(table: Any, space: SpaceParams, path: str | Path = "table") -> Lut:
    """`from_json` for a table at hand, as `macs_table` and `latency_table` return it."""
    checked = validated(_Table, table, str(path))
    unit, size = checked.unit, checked.size
    if unit not in VALUE_KEY:
        raise BadInput(f"{path}: unit is {unit!r}; must be one of {', '.join(VALUE_KEY)}")
    layers = _layers(table, path, slots(space, size), VALUE_KEY[unit])
    fixed = _number(table, path, "fixed", VALUE_KEY[unit])
    lut = Lut(unit, layers, fixed, str(path), size=size)
    if checked.mape is not None:
        return replace(lut, error=checked.mape)
    # Else the error on the nets that the fixed part was taken from.
    nets = [net for net in checked.fixed.references if in_space(net.choice, layers)]
    misses = [abs(cost_of(lut, net.choice) - net.median) / net.median for net in nets]
    return replace(lut, error=fmean(misses) if misses else 0.0)


def in_space(choice: Sequence[str], layers: Sequence[Container[str]]) -> bool:
    """Whether a net, one block a layer, is of the space whose layers hold these blocks."""
    return len(choice) == len(layers) and all(map(operator.contains, layers, choice))


def check_cost(cost: float, block: str, where: str) -> None:
    """Raise BadInput unless `cost` is one that `block` can have."""
    free = cost == 0 and block in FREE_BLOCKS
    if not free and not (math.isfinite(cost) and cost > 0):
        raise BadInput(f"{where}, block {block}: cost {cost}; must be a positive number")


def _layers(
    table: Any, path: str | Path, layers: Sequence[Slot], key: str
) -> tuple[dict[str, float], ...]:
    """Costs by layer and block; one BadInput names all that are missing or impossible."""
    for i, slot in enumerate(layers):
        for name, expected in slot.shape().items():
            if (value := _get(table, path, "layers", i, name)) != expected:
                raise BadInput(
                    f"{path}: layer {i}: {name} is {value}, the space has {expected}; "
                    "give a table of this space and input size"
                )
    costs: list[dict[str, float]] = [{} for _ in layers]
    faults = []
    for i, slot in enumerate(layers):
        for block in slot.blocks:
            try:
                if block not in _get(table, path, "layers", i, "blocks"):
                    raise missing_entry(path, i, block, slot)
                cost = _number(table, path, "layers", i, "blocks", block, key)
                check_cost(cost, block, f"{path}: layer {i}")
                costs[i][block] = cost
            except BadInput as fault:
                faults.append(str(fault))
    if faults:
        raise listed(faults)
    return tuple(costs)


def missing_entry(path: str | Path, layer: int, block: str, slot: Slot) -> BadInput:
    """The error for a table that does not know a block of the space."""
    at = f"{slot.size}x{slot.size}, {slot.c_in} -> {slot.c_out} channels, stride {slot.stride}"
    return BadInput(
        f"{path}: layer {layer}: no entry for block {block} at {at}; measure it, or take it out of "
        "the space"
    )


def _get(table: Any, path: str | Path, *keys: str | int) -> Any:
    for key in keys:
        try:
            table = table[key]
        except (KeyError, IndexError, TypeError):
            name = ".".join(map(str, keys))
            raise BadInput(f"{path}: {name} is missing; give a whole cost table") from None
    return table


def _number(table: Any, path: str | Path, *keys: str | int) -> float:
    """The number at `keys`. Raises BadInput that names path and keys where there is none."""
    value, where = _get(table, path, *keys), f"{path}: {'.'.join(map(str, keys))}"
    if isinstance(value, str):
        raise BadInput(f"{where} is {value!r}: write a number, without quotes")
    return validated(float, value, where)


def expected_cost(lut: Lut, masks: Sequence[Tensor]) -> Tensor:
    """Fixed part + sum of mask x entry (FBNet eq. 7), in the table's unit; differentiable.

    Give it the very masks that the net was given.
    """
    costs = lut.tensors(masks[0].dtype, masks[0].device)
    terms = [cost @ mask for cost, mask in zip(costs, masks, strict=True)]
    return torch.stack(terms).sum() + lut.fixed


def cost_of(lut: Lut, choice: Sequence[str]) -> float:
    """Cost of one architecture. Raises BadInput for a block that the table lacks."""
    if len(choice) != len(lut.layers):
        raise BadInput(f"{lut.source}: a net of {len(choice)} layers, {len(lut.layers)} are due")
    for i, (layer, block) in enumerate(zip(lut.layers, choice, strict=True)):
        if block not in layer:
            raise BadInput(f"{lut.source}: layer {i}: no entry for block {block}")
    return lut.fixed + sum(layer[block] for layer, block in zip(lut.layers, choice, strict=True))


def reference_cost(lut: Lut) -> float:
    """Expected cost where every block is equally likely: the unit of normalised costs."""
    return lut.fixed + sum(sum(layer.values()) / len(layer) for layer in lut.layers)


def check_size(lut: Lut, size: int) -> None:
    """Raise BadInput where the table holds for inputs of another size than the faces'."""
    if lut.size not in (None, size):
        raise BadInput(
            f"{lut.source}: holds for inputs of {lut.size}x{lut.size}, the faces are {size}x{size};"
            " measure a table for these (lut.source: measure, or a kit of this size)"
        )


def cost_range(lut: Lut) -> tuple[float, float]:
    """Cost of the cheapest and of the costliest architecture."""
    cheapest = sum(min(layer.values()) for layer in lut.layers)
    costliest = sum(max(layer.values()) for layer in lut.layers)
    return lut.fixed + cheapest, lut.fixed + costliest
