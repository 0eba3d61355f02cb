"""Batch norm and weighted sums in training without passes over large maps.

All that is done is algebra: outputs, gradients and statistics equal the plain form's to rounding
(tests/nets/test_fast.py).
"""

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fbnet.nets.blocks import MBBlock

Moments = tuple[Tensor, Tensor, int]
"""Mean [C], mean outer product [C,C] of a map's pixels, and their number."""


def moments(x: Tensor) -> Moments:
    """Moments of the channels of [B,C,H,W] over all pixels."""
    pixels = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
    return *_Moments.apply(pixels), len(pixels)


class _Moments(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(pixels)
        return pixels.mean(0), pixels.t() @ pixels / len(pixels)

    @staticmethod
    def backward(ctx: Any, of_mean: Tensor, of_second: Tensor) -> Tensor:
        (pixels,) = ctx.saved_tensors
        both = (of_second + of_second.t()) / len(pixels)
        return torch.addmm(of_mean / len(pixels), pixels, both)


def conv_norm(x: Tensor, seen: Moments, layers: Sequence[Any]) -> list[Tensor]:
    """relu(norm(conv(x))) in training for each of `layers`, which begin with (conv 1x1, norm).

    `seen` are the moments of what the statistics are taken over. Those of a linear map follow from
    its input's, so its output need not be looked at.
    """
    convs, norms = zip(*((layer[0], layer[1]) for layer in layers), strict=True)
    weight = torch.cat([conv.weight for conv in convs]).flatten(1)
    gain = torch.cat([norm.weight for norm in norms])
    bias = torch.cat([norm.bias for norm in norms])
    mean, second, count = seen
    mean = weight @ mean
    variance = ((weight @ second) * weight).sum(1) - mean * mean
    _update(norms, mean.detach(), variance.detach() * (count / (count - 1)))
    scale = gain * torch.rsqrt(variance + norms[0].eps)
    folded = (scale[:, None] * weight)[:, :, None, None]
    sizes = [len(conv.weight) for conv in convs]
    parts = zip(folded.split(sizes), (bias - scale * mean).split(sizes), strict=True)
    return [F.relu_(F.conv2d(x, *part)) for part in parts]


@torch.no_grad()
def _update(norms: Sequence[Any], mean: Tensor, variance: Tensor) -> None:
    """Move the running statistics as batch norm does."""
    sizes = [norm.num_features for norm in norms]
    for norm, m, v in zip(norms, mean.split(sizes), variance.split(sizes), strict=True):
        norm.num_batches_tracked.add_(1)
        norm.running_mean.lerp_(m, norm.momentum)
        norm.running_var.lerp_(v, norm.momentum)


def scaled_norm(norm: Any, x: Tensor, scale: Tensor) -> Tensor:
    """Norm(x) times `scale` in training, without a pass over the map for the scale."""
    norm.num_batches_tracked.add_(1)
    return F.batch_norm(
        x,
        norm.running_mean,
        norm.running_var,
        scale * norm.weight,
        scale * norm.bias,
        True,
        norm.momentum,
        norm.eps,
    )


def weighted_sum(x: Tensor, blocks: Sequence[nn.Module], weights: Sequence[Tensor]) -> Tensor:
    """Sum of weights[j] * blocks[j](x) in training.

    Inverted residuals, which read one input and end in a batch norm, share the moments of the input
    and their residual; their weights go into the last norm.
    """
    inverted = [block for block in blocks if isinstance(block, MBBlock)]
    layers = [block.ir_block for block in inverted]
    wide = dict(zip(inverted, conv_norm(x, moments(x), layers) if layers else (), strict=True))
    outputs, direct = [], []
    for block, weight in zip(blocks, weights, strict=True):
        if isinstance(block, MBBlock):
            narrow = block.ir_block[3:-1](wide[block])
            outputs.append(scaled_norm(block.ir_block[-1], narrow, weight))
            direct += [weight] if block.residual else []
        else:
            outputs.append(weight * block(x))
    if direct:
        outputs.append(torch.stack(direct).sum() * x)
    total = functools.reduce(torch.add, outputs)
    if total.requires_grad:
        # Every block gets this gradient: once made dense, none has to make its own copy.
        total.register_hook(lambda g: g.contiguous(memory_format=torch.channels_last))
    return total
