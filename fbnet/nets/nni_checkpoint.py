"""Reads the checkpoints of NNI (NNI v2.6, examples/nas/oneshot/pfld) as they are."""

import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

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

    `space` is the one it was made with (candidates are numbered in the order of its lists).
    Runs no code from the file. Raises BadInput for a file of another kind.
    """
    raw = _load(path)
    backbone, alphas = _backbone(raw["pfld_backbone"], space, path)
    return NniCheckpoint(
        backbone=backbone,
        auxnet=_auxnet(raw["auxiliarynet"]),
        alphas=tuple(alphas[i] for i in sorted(alphas)),
        choice=tuple(str(block) for block in raw.get("arch_sample", ())),
    )


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], what: str) -> None:
    """Load a state dict in full. Raises BadInput naming missing, unexpected or misshapen keys."""
    own = module.state_dict()
    problems = {
        "missing": [key for key in own if key not in weights],
        "unexpected": [key for key in weights if key not in own],
        "of another shape": [
            key for key in own if key in weights and own[key].shape != weights[key].shape
        ],
    }
    shown = [f"{kind}: {_some(keys)}" for kind, keys in problems.items() if keys]
    if shown:
        raise BadInput(f"{what}: weights do not fit the net; {'; '.join(shown)}")
    module.load_state_dict(dict(weights))


def _load(path: str | Path) -> dict[str, Any]:
    try:
        raw = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; give the path of an NNI checkpoint") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        raise BadInput(f"{path}: not a checkpoint of plain tensors; save it as such") from None
    missing = {"pfld_backbone", "auxiliarynet"} - set(raw if isinstance(raw, dict) else ())
    if missing:
        raise BadInput(f"{path}: not an NNI checkpoint; missing: {_some(sorted(missing))}")
    return raw


def _backbone(
    raw: Mapping[str, Tensor], space: SpaceParams, path: str | Path
) -> tuple[Weights, dict[int, Tensor]]:
    weights: Weights = {}
    alphas: dict[int, Tensor] = {}
    for key, value in raw.items():
        name = key.removeprefix(PREFIX)
        if found := ALPHA.fullmatch(name):
            alphas[int(found[1])] = value
        else:
            weights[_renamed(name, space, path)] = value
    return weights, alphas


def _renamed(name: str, space: SpaceParams, path: str | Path) -> str:
    found = CANDIDATE.fullmatch(name)
    if found is None:
        part, _, rest = name.partition(".")
        return f"{RENAMED.get(part, part)}.{rest}"
    layer, candidate, rest = found.groups()
    if candidate == "op":
        return f"layers.{layer}.{rest}"
    try:
        block = space.layer_ops[int(layer)][int(candidate)]
    except IndexError:
        raise BadInput(
            f"{path}: unexpected {name}: the space has no block {candidate} in layer {layer}; "
            f"give the space that the checkpoint was made with"
        ) from None
    return f"layers.{layer}.blocks.{block}.{rest}"


def _auxnet(raw: Mapping[str, Tensor]) -> Weights:
    return {key.removeprefix(PREFIX): value for key, value in raw.items()}


def _some(keys: list[str], most: int = 5) -> str:
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return ", ".join(keys[:most]) + more
