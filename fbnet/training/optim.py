"""Optimisers (see OPTIMIZERS), the learning-rate schedule, the moving average of the weights."""

import copy
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


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
        if isinstance(group["lr"], Tensor):  # a CUDA graph reads it where it lies
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr


def capturable(optimizer: torch.optim.Optimizer, device: torch.device) -> bool:
    """Let a CUDA graph hold the optimiser's step: its rates and counts lie on the device.

    Call it again after `load_state_dict`. Returns False for an optimiser that has no such form.
    """
    if "capturable" not in optimizer.defaults:
        return False
    for group in optimizer.param_groups:
        rate = float(group["lr"])
        group |= {"capturable": True, "lr": torch.tensor(rate, device=device)}
    return True


class MovingAverage:
    """Exponential moving average of a net, batch-norm statistics included.

    After step n (from 0) the average moves by 1 - min(decay, (1 + n) / (10 + n)) of its distance
    from the net, so that the first steps do not linger; after the first it is the net.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        """`net` is on its device; a copy of it, `module`, holds the average."""
        self.net, self.decay, self.count = net, decay, 0
        self.module = copy.deepcopy(net).requires_grad_(False)
        device = next(net.parameters()).device
        # On the device: a CUDA graph reads it where it lies.
        self._share = torch.tensor(1.0, device=device)

    def prepare(self) -> None:
        """Set how far the next update moves, and count it."""
        n = self.count
        self._share.fill_(1.0 - min(self.decay, (1 + n) / (10 + n)) if n else 1.0)
        self.count += 1

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the net's weights and statistics of now; `prepare` comes before."""
        pairs = list(zip(tensors_of(self.module), tensors_of(self.net), strict=True))
        means, values = zip(*(p for p in pairs if p[0].is_floating_point()), strict=True)
        steps = torch._foreach_sub(values, means)
        torch._foreach_mul_(steps, self._share)
        torch._foreach_add_(means, steps)
        for mean, value in pairs:
            if not mean.is_floating_point():
                mean.copy_(value)

    def state(self) -> dict[str, Any]:
        """Everything needed to resume."""
        return {"module": self.module.state_dict(), "count": self.count}

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from `state`."""
        self.module.load_state_dict(state["module"])
        self.count = state["count"]


def tensors_of(module: nn.Module) -> list[Tensor]:
    """Weights and buffers."""
    return [*module.parameters(), *module.buffers()]


def states_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Moments and counts of all parameters, as far as there are any yet."""
    states = optimizer.state.values()
    return [value for state in states for value in state.values() if isinstance(value, Tensor)]
