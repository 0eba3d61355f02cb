"""Exponential moving average of the weights, batch-norm statistics included."""

from collections.abc import Callable

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]


def average_of(net: nn.Module, decay: float) -> AveragedModel:
    """A moving average of `net`: call `.update_parameters(net)` after each step.

    The decay rises as (1 + n) / (10 + n) to `decay`, so that the first steps do not linger.
    """
    return AveragedModel(net, multi_avg_fn=_blend(decay), use_buffers=True)


def _blend(decay: float) -> Callable[[Tensors, Tensors, torch.Tensor | int], None]:
    def blend(means: Tensors, new: Tensors, count: torch.Tensor | int) -> None:
        """Move tensors of one type, all in one call."""
        if not means[0].is_floating_point():
            torch._foreach_copy_(means, new)
            return
        n = int(count)
        torch._foreach_lerp_(means, new, 1 - min(decay, (1 + n) / (10 + n)))

    return blend
