"""Optimisers and the learning-rate schedule."""

import math
from collections.abc import Iterable

import torch
from torch import nn


def build_optimizer(
    name: str, parameters: Iterable[nn.Parameter], lr: float, weight_decay: float
) -> torch.optim.Optimizer:
    """`rmsprop` as NNI has it (momentum 0), or `adamw`."""
    if name == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=lr, momentum=0.0, weight_decay=weight_decay)
    # One call for all tensors; tensor by tensor it takes a tenth of a supernet's step.
    return torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay, fused=True)


def cosine(step: int, steps: int, warmup: int = 0) -> float:
    """Factor of the peak rate at `step` of `steps`: linear warm-up, then cosine to zero."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give every parameter group the same learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = lr
