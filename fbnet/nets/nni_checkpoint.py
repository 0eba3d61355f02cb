"""Reads the checkpoints of NNI (NNI v2.6, examples/nas/oneshot/pfld) as they are."""

import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fbnet.errors import BadInput
from fbnet.params import SpaceParams

Weights = dict[str, Tensor]

PREFIX = "module."
"""Left by NNI's nn.DataParallel."""
RENAMED = {"avg_pool1": "reduce.0", "avg_pool2": "reduce.1"}
ALPHA = re.compile(r"blocks\.(\d+)\.registered_module\.path_alpha")
CANDIDATE = re.compile(r"blocks\.(\d+)\.(\d+|op)\.(.+)")


@dataclass(frozen=True)
class NniCheckpoint:
    """One of NNI's checkpoints under this project's names."""

    backbone: Weights
    """State dict of the supernet, or of the subnet where `alphas` is empty."""
    auxnet: Weights
    """State dict of the pose net."""
    alphas: tuple[Tensor, ...]
    """One vector of logits per searchable layer; empty for a subnet."""
    choice: tuple[str, ...]
    """The sampled architecture kept in a supernet's checkpoint; empty for a subnet."""


def read_nni_checkpoint(path: str | Path, space: SpaceParams) -> NniCheckpoint:
    """Read `supernet/checkpoint_best.pth` or `subnet/checkpoint_best.pth`.

    `space` is that of the supernet: candidates are numbered in the order of its lists.
    Runs no code from the file. Raises BadInput for a file of another kind, and for a candidate that
    the space lacks.
    """
    try:
        raw: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; give the path of an NNI checkpoint") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        raise BadInput(f"{path}: not a checkpoint of plain tensors; save it as such") from None
    missing = {"pfld_backbone", "auxiliarynet"} - set(raw if isinstance(raw, dict) else ())
    if missing:
        raise BadInput(f"{path}: not an NNI checkpoint; missing: {', '.join(sorted(missing))}")
    backbone: Weights = {}
    alphas: dict[int, Tensor] = {}
    for part in ("pfld_backbone", "auxiliarynet"):
        if not _is_weights(raw[part]):
            raise BadInput(f"{path}: {part} holds no weights by name; save it as a state dict")
    for key, value in raw["pfld_backbone"].items():
        name = key.removeprefix(PREFIX)
        if alpha := ALPHA.fullmatch(name):
            alphas[int(alpha[1])] = value
        else:
            backbone[_renamed(name, space, path)] = value
    if alphas:
        _check_alphas(alphas, space, path)
    return NniCheckpoint(
        backbone=backbone,
        auxnet={key.removeprefix(PREFIX): value for key, value in raw["auxiliarynet"].items()},
        alphas=tuple(alphas[layer] for layer in sorted(alphas)),
        choice=tuple(str(block) for block in raw.get("arch_sample", ())),
    )


def _is_weights(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in value.items()
    )


def _check_alphas(alphas: Mapping[int, Tensor], space: SpaceParams, path: str | Path) -> None:
    """Raise BadInput where the architecture parameters are of another space."""
    given = [alphas[layer].numel() for layer in sorted(alphas)]
    due = [len(ops) for ops in space.layer_ops]
    if given != due or sorted(alphas) != [*range(len(due))]:
        raise BadInput(
            f"{path}: architecture parameters of {given} blocks a layer, the space has {due}; give "
            "the space of the checkpoint"
        )


def _renamed(name: str, space: SpaceParams, path: str | Path) -> str:
    """The key here for NNI's `name`, which has numbers for candidates."""
    candidate = CANDIDATE.fullmatch(name)
    if candidate is None:
        part, _, rest = name.partition(".")
        return f"{RENAMED.get(part, part)}.{rest}"
    layer, number, rest = candidate.groups()
    if number == "op":
        return f"layers.{layer}.{rest}"
    try:
        block = space.layer_ops[int(layer)][int(number)]
    except IndexError:
        raise BadInput(
            f"{path}: unexpected {name}: the space has no block {number} in layer {layer}; "
            f"give the space of the checkpoint"
        ) from None
    return f"layers.{layer}.blocks.{block}.{rest}"
