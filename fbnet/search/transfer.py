"""A trained subnet as the start of another training, on other faces or of fewer points."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fbnet.errors import BadInput
from fbnet.files import write_json
from fbnet.landmarks import TO_IBUG68
from fbnet.nets.pfld import build_subnet, check_choice
from fbnet.params import SpaceParams
from fbnet.search.supernet import supernet_weights
from fbnet.training.checkpoints import load_into, load_weights, save_weights

LAST = ("fc.weight", "fc.bias")
"""The layer whose outputs are x, y of each point in a row."""
HEADS = "heads."
"""Prefix of what gives more than landmarks."""


def with_points(weights: Mapping[str, Tensor], points: int) -> dict[str, Tensor]:
    """Weights of a net of `points` landmarks: all, or the 68 of 300W out of 98 or 106.

    Raises BadInput where the net's points do not hold these.
    """
    own = len(weights["fc.bias"]) // 2
    if own == points:
        return dict(weights)
    if points != len(TO_IBUG68[106]) or own not in TO_IBUG68:
        raise BadInput(f"{points} points cannot be taken out of {own}; 68 out of 98 or 106 can")
    kept = torch.from_numpy(TO_IBUG68[own])
    narrow = {name: weights[name].unflatten(0, (own, 2))[kept].flatten(0, 1) for name in LAST}
    return {**weights, **narrow}


def convert(
    subnet: Path,
    space: SpaceParams,
    architecture: Mapping[str, Any],
    out: Path,
    *,
    choice: Sequence[str] = (),
    points: int | None = None,
) -> list[Path]:
    """Write a trained subnet into the folder `out` as a search leaves it; returns the paths.

    `retrain` then starts from these weights. architecture: what the subnet's own file says, keys
    `space` (the name of `space`), `points`, `size` and `choice`. `choice`: other blocks. points: of
    the new net, by default the subnet's. Heads are left out. Raises BadInput where weights and
    architecture do not fit together, and where `out` is the subnet's own folder.
    """
    if out.resolve() == subnet.resolve().parent:
        raise BadInput(f"{out}: holds {subnet.name} and its architecture.json; give another --out")
    choice, size = choice or architecture["choice"], architecture["size"]
    check_choice(space, choice)
    trained = {k: v for k, v in load_weights(subnet).items() if not k.startswith(HEADS)}
    net = build_subnet(space, architecture["points"], choice, size)
    load_into(net, trained, f"{subnet} as {' '.join(choice)}")
    points = architecture["points"] if points is None else points
    weights = supernet_weights(space, points, size, choice, with_points(trained, points))
    record = {"space": architecture["space"], "points": points, "size": size}
    record |= {"choice": list(choice), "candidates": [list(choice)]}
    save_weights(out / "supernet.safetensors", weights)
    write_json(out / "architecture.json", record)
    return [out / "supernet.safetensors", out / "architecture.json"]
