"""The same nets, faster to train on a CPU.

Outputs, gradients and statistics equal the plain form's to rounding (tests/nets/test_optimize.py);
weights, state-dict keys and evaluation stay as they are. Two things are done: gradients of
depthwise convolutions avoid oneDNN's slow kernels, and batch norms behind a 1x1 convolution take
their statistics from its input, so that no pass over their large maps is needed.
"""

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fbnet.nets.blocks import MBBlock
from fbnet.nets.pfld import Stem


def optimize_for_cpu(net: nn.Module) -> nn.Module:
    """Let slow depthwise convolutions and the stem compute the fast way, in place; returns `net`.

    Parts change their class and keep their weights. Mixed ops need no change: they call
    `weighted_sum` in training.
    """
    for part in net.modules():
        if has_slow_gradient(part):
            part.__class__ = DepthwiseConv
        elif type(part) is Stem:
            part.__class__ = FastStem
    return net


# ------------------------------------------------------------------- depthwise convolutions
# With channels_last maps, oneDNN 3 takes five times as long for the weight gradient of a kernel
# wider than three columns as for a narrow one's, and ten to forty times as long for both gradients
# of a dilated kernel. So three columns are taken at a time; a dilated kernel's input gradient is a
# convolution with the mirrored kernel, and its weight gradient is taken over the lattices of every
# d-th pixel, where nothing is dilated.
FAST_COLUMNS = 3
"""Widest kernel whose weight gradient has a fast kernel in oneDNN."""


def has_slow_gradient(part: nn.Module) -> bool:
    """Whether `part` is a depthwise convolution whose gradients `DepthwiseConv` speeds up."""
    if type(part) is not nn.Conv2d or not 1 < part.groups == part.in_channels:
        return False
    if part.bias is not None:
        return False
    side, stride = part.kernel_size[0], part.stride[0]
    # With a stride about as long as the kernel (pooling in the net's head) torch is faster.
    return part.dilation[0] > 1 or (side > FAST_COLUMNS and stride < side - 1)


class DepthwiseConv(nn.Conv2d):
    """A depthwise convolution with square kernel, without bias, with gradients of its own."""

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
        ctx.geometry = stride, padding, dilation
        return F.conv2d(x, weight, None, stride, padding, dilation, len(weight))

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        needs_x, needs_weight = ctx.needs_input_grad[:2]
        x_grad = _input_gradient(g, x, weight, *ctx.geometry) if needs_x else None
        weight_grad = _weight_gradient(g, x, weight, *ctx.geometry) if needs_weight else None
        return x_grad, weight_grad, None, None, None


def _input_gradient(
    g: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int, dilation: int
) -> Tensor:
    if dilation == 1:
        return _conv_backward(g, x, weight, stride, (padding, padding), (True, False))[0]
    mirrored = weight.flip(2, 3)
    return F.conv2d(_unstrided(g, x, stride), mirrored, None, 1, padding, dilation, len(weight))


def _weight_gradient(
    g: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int, dilation: int
) -> Tensor:
    if dilation > 1:
        full = _lattices(_unstrided(g, x, stride), dilation)
        return _weight_gradient(full, _lattices(x, dilation), weight, 1, padding // dilation, 1)
    side = weight.shape[-1]
    columns = []
    for first in range(0, side, FAST_COLUMNS):
        width = min(FAST_COLUMNS, side - first)
        left, part = first - padding, weight[..., :width]
        reach = stride * (g.shape[-1] - 1) + width
        right = left + reach - x.shape[-1]
        if max(left, -right) >= x.shape[-1]:  # these columns see the padding alone
            columns.append(torch.zeros_like(part))
            continue
        window = F.pad(x, (-left, right))
        columns.append(_conv_backward(g, window, part, stride, (padding, 0), (False, True))[1])
    return torch.cat(columns, dim=3)


def _unstrided(g: Tensor, x: Tensor, stride: int) -> Tensor:
    """The output gradient at stride 1: on the pixels of `x`, zero where the kernel did not stop."""
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


def _conv_backward(
    g: Tensor,
    x: Tensor,
    weight: Tensor,
    stride: int,
    padding: tuple[int, int],
    wanted: tuple[bool, bool],
) -> tuple[Tensor, Tensor]:
    """Torch's own gradients of input and weights, those that are `wanted`."""
    groups, strides = len(weight), (stride, stride)
    x_grad, weight_grad, _ = torch.ops.aten.convolution_backward(
        g, x, weight, None, strides, padding, (1, 1), False, (0, 0), groups, (*wanted, False)
    )
    return x_grad, weight_grad


# ------------------------------------------------------------- batch norm from input moments
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
    def backward(ctx: Any, mean_grad: Tensor, outer_grad: Tensor) -> Tensor:
        (pixels,) = ctx.saved_tensors
        both = (outer_grad + outer_grad.t()) / len(pixels)
        return torch.addmm(mean_grad / len(pixels), pixels, both)


def conv_norm_relu(x: Tensor, over: Moments, layers: Sequence[Any]) -> list[Tensor]:
    """relu(norm(conv(x))) in training for each of `layers`, which begin with (1x1 conv, norm).

    `x` is [B,C,H,W]; `over` are the moments of the map that the statistics are taken over. The
    moments of a linear map's output follow from its input's, so the output need not be read.
    """
    convs, norms = zip(*((layer[0], layer[1]) for layer in layers), strict=True)
    sizes = [norm.num_features for norm in norms]
    weight = torch.cat([conv.weight for conv in convs]).flatten(1)
    gain = torch.cat([norm.weight for norm in norms])
    bias = torch.cat([norm.bias for norm in norms])
    input_mean, outer, count = over
    mean = weight @ input_mean
    # A channel that hardly varies can come out below zero by rounding.
    variance = (((weight @ outer) * weight).sum(1) - mean * mean).clamp_min(0)
    with torch.no_grad():
        unbiased = (variance * (count / (count - 1))).split(sizes)
        for norm, m, v in zip(norms, mean.split(sizes), unbiased, strict=True):
            norm.num_batches_tracked.add_(1)
            norm.running_mean.lerp_(m, norm.momentum)
            norm.running_var.lerp_(v, norm.momentum)
    scale = gain * torch.rsqrt(variance + norms[0].eps)
    folded = (scale[:, None] * weight)[:, :, None, None]
    parts = zip(folded.split(sizes), (bias - scale * mean).split(sizes), strict=True)
    return [F.relu_(F.conv2d(x, *part)) for part in parts]


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
    """Sum of weights[j] * blocks[j](x) in training; x is [B,C,H,W], the weights are scalars.

    Inverted residuals, which read one input and end in a batch norm, share the moments of the input
    and their residual; their weights go into the last norm.
    """
    inverted = [block for block in blocks if type(block) is MBBlock]
    layers = [block.ir_block for block in inverted]
    expanded = conv_norm_relu(x, moments(x), layers) if layers else []
    wide = dict(zip(inverted, expanded, strict=True))
    outputs, residuals = [], []
    for block, weight in zip(blocks, weights, strict=True):
        if type(block) is MBBlock:
            narrow = block.ir_block[3:-1](wide[block])
            outputs.append(scaled_norm(block.ir_block[-1], narrow, weight))
            residuals += [weight] if block.residual else []
        else:
            outputs.append(weight * block(x))
    if residuals:
        outputs.append(torch.stack(residuals).sum() * x)
    total = functools.reduce(torch.add, outputs)
    if total.requires_grad:
        # Every block gets this gradient: once made dense, none has to make its own copy.
        total.register_hook(lambda g: g.contiguous(memory_format=torch.channels_last))
    return total


class FastStem(Stem):
    """The stem without the three quarters of its largest map that the next stride leaves out.

    Only the statistics of its batch norm want those pixels, and take them from its input.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map [B,3,S,S] to the feature [B,c,S/4,S/4] and the early map [B,c,S/2,S/2]."""
        if not self.training or torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        early = self.stem_1(x)
        kept = early[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last)
        (a,) = conv_norm_relu(kept, moments(early), [self.stem_2a])
        depthwise: Any = self.stem_2b.get_submodule("conv.0")
        strided = depthwise[0]  # 1x1 at stride 2: on the kept pixels, 1x1 at stride 1
        y = depthwise[1:](F.conv2d(a, strided.weight, groups=len(strided.weight)))
        y = self.stem_2b.get_submodule("conv.1")(y)
        return self.stem_3(torch.cat([y, self.stem_2p(early)], dim=1)), early
