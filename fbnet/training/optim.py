"""Optimisers (see OPTIMIZERS), the learning-rate schedule, the moving average of the weights."""

import math
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel


def adamw(
    parameters: Iterable[nn.Parameter], lr: float, weight_decay: float
) -> torch.optim.Optimizer:
    """AdamW (arXiv 1711.05101) with torch's betas."""
    # One call for all tensors; tensor by tensor it takes a tenth of a supernet's step.
    return torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay, fused=True)


def rmsprop(
    parameters: Iterable[nn.Parameter], lr: float, weight_decay: float
) -> torch.optim.Optimizer:
    """RMSprop as NNI has it, without momentum."""
    return torch.optim.RMSprop(parameters, lr=lr, momentum=0.0, weight_decay=weight_decay)


def cosine(step: int, steps: int, warmup: int = 0) -> float:
    """Factor of the peak rate at `step` of `steps`: linear warm-up, then cosine to zero."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give every parameter group the same learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = lr


Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]


def average_of(net: nn.Module, decay: float) -> AveragedModel:
    """Exponential moving average of `net`, batch-norm statistics included.

    Call `.update_parameters(net)` after each step. The decay rises as (1 + n) / (10 + n) to
    `decay`, so that the first steps do not linger.
    """

    def blend(means: Tensors, new: Tensors, count: torch.Tensor | int) -> None:
        """Move tensors of one type, all in one call."""
        if not means[0].is_floating_point():
            torch._foreach_copy_(means, new)
            return
        n = int(count)
        torch._foreach_lerp_(means, new, 1 - min(decay, (1 + n) / (10 + n)))

    return AveragedModel(net, multi_avg_fn=blend, use_buffers=True)
