"""Depthwise convolutions whose gradients torch's CPU kernels (oneDNN 3, channels_last) are slow at.

The weight gradient of a kernel wider than three columns takes five times as long as a narrow
one's, both gradients of a dilated kernel ten to forty times as long. So three columns are taken
at a time; a dilated kernel's input gradient is a convolution with the mirrored kernel, and its
weights' is taken over the lattices of every d-th pixel, where nothing is dilated.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FAST_COLUMNS = 3
"""Widest kernel whose weight gradient has a fast kernel in oneDNN."""


def is_slow(part: nn.Module) -> bool:
    """Whether `part` is a depthwise convolution whose gradients `DepthwiseConv` speeds up."""
    if type(part) is not nn.Conv2d or not 1 < part.groups == part.in_channels:
        return False
    if part.bias is not None:
        return False
    side, stride = part.kernel_size[0], part.stride[0]
    # A stride about as long as the kernel (pooling in the net's head) is quicker torch's way.
    return part.dilation[0] > 1 or (side > FAST_COLUMNS and stride < side - 1)


class DepthwiseConv(nn.Conv2d):
    """A depthwise convolution with gradients of its own."""

    def forward(self, x: Tensor) -> Tensor:
        """Map [B,C,S,S] to [B,C,S/stride,S/stride]."""
        if torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        return _Depthwise.apply(x, self.weight, self.stride[0], self.padding[0], self.dilation[0])


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int, dilation: int
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.shape = stride, padding, dilation
        return F.conv2d(x, weight, None, stride, padding, dilation, len(weight))

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        needs_x, needs_weight = ctx.needs_input_grad[:2]
        of_x = _input_gradient(g, x, weight, *ctx.shape) if needs_x else None
        of_weight = _weight_gradient(g, x, weight, *ctx.shape) if needs_weight else None
        return of_x, of_weight, None, None, None


def _input_gradient(
    g: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int, dilation: int
) -> Tensor:
    if dilation == 1:
        return _native(g, x, weight, stride, (padding, padding), (True, False))[0]
    mirrored = weight.flip(2, 3)
    return F.conv2d(_spread(g, x, stride), mirrored, None, 1, padding, dilation, len(weight))


def _weight_gradient(
    g: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int, dilation: int
) -> Tensor:
    if dilation > 1:
        full = _lattices(_spread(g, x, stride), dilation)
        return _weight_gradient(full, _lattices(x, dilation), weight, 1, padding // dilation, 1)
    side = weight.shape[-1]
    columns = []
    for first in range(0, side, FAST_COLUMNS):
        width = min(FAST_COLUMNS, side - first)
        left = first - padding
        reach = stride * (g.shape[-1] - 1) + width
        seen = F.pad(x, (-left, left + reach - x.shape[-1]))
        part = weight[..., :width]
        columns.append(_native(g, seen, part, stride, (padding, 0), (False, True))[1])
    return torch.cat(columns, dim=3)


def _spread(g: Tensor, x: Tensor, stride: int) -> Tensor:
    """The gradient as if the kernel had gone over every pixel of `x`."""
    if stride == 1:
        return g
    full = torch.zeros_like(x)
    full[:, :, ::stride, ::stride] = g
    return full


def _lattices(x: Tensor, dilation: int) -> Tensor:
    """[B,C,H,W] to the maps [B*d*d,C,H/d,W/d] of every d-th pixel."""
    batch, channels, height, width = x.shape
    x = F.pad(x, (0, -width % dilation, 0, -height % dilation))
    rows, columns = x.shape[2] // dilation, x.shape[3] // dilation
    pixels = x.permute(0, 2, 3, 1).reshape(batch, rows, dilation, columns, dilation, channels)
    pixels = pixels.permute(0, 2, 4, 1, 3, 5).reshape(-1, rows, columns, channels)
    return pixels.permute(0, 3, 1, 2)


def _native(
    g: Tensor,
    x: Tensor,
    weight: Tensor,
    stride: int,
    padding: tuple[int, int],
    wanted: tuple[bool, bool],
) -> tuple[Tensor, Tensor]:
    """What torch computes: gradients of the input and the weights, those that are wanted."""
    groups, step = len(weight), (stride, stride)
    of_x, of_weight, _ = torch.ops.aten.convolution_backward(
        g, x, weight, None, step, padding, (1, 1), False, (0, 0), groups, (*wanted, False)
    )
    return of_x, of_weight
