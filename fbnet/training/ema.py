"""Exponential moving average of the weights, batch-norm statistics included."""

from collections.abc import Callable

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel


def average_of(net: nn.Module, decay: float) -> AveragedModel:
    """A moving average of `net`: call `.update_parameters(net)` after each step.

    The decay rises as (1 + n) / (10 + n) to `decay`, so that the first steps do not linger.
    """
    return AveragedModel(net, avg_fn=_blend(decay), use_buffers=True)


def _blend(
    decay: float,
) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor | int], torch.Tensor]:
    def blend(mean: torch.Tensor, new: torch.Tensor, count: torch.Tensor | int) -> torch.Tensor:
        if not mean.is_floating_point():
            return new
        n = int(count)
        return torch.lerp(mean, new, 1 - min(decay, (1 + n) / (10 + n)))

    return blend
