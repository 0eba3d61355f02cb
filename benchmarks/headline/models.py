"""The compared nets by name, and how one begins with the weights of another training."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.headline.recipes import SUBNET
from fbnet.landmarks import NNI_TO_IBUG68
from fbnet.nets.baselines import build_baseline
from fbnet.nets.pfld import build_subnet
from fbnet.params import SpaceParams

LAST = ("fc.weight", "fc.bias")
"""The one layer that depends on the number of points."""
ORDERS = {(106, 68): NNI_TO_IBUG68}
"""(points a net was trained for, points wanted) -> the points in common."""


def build(
    model: str, points: int, size: int, seed: int, space: SpaceParams, choice: Sequence[str]
) -> nn.Module:
    """A net with fresh weights: the subnet `choice`, or a baseline."""
    if model == SUBNET:
        return build_subnet(space, points, choice, size, seed)
    return build_baseline(model, points, size, seed)


def begin_with(net: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load weights of the same net, perhaps trained for more points than it gives."""
    wanted = net.state_dict()
    had, gives = (len(held["fc.bias"]) // 2 for held in (weights, wanted))
    taken = dict(weights)
    if had != gives:
        rows = _rows(ORDERS[had, gives])
        taken |= {name: weights[name][rows] for name in LAST}
    net.load_state_dict(taken)


def _rows(points: np.ndarray) -> Tensor:
    """Outputs x, y of each point, in a row."""
    return torch.from_numpy(np.stack([2 * points, 2 * points + 1], axis=1).ravel())
