"""The 26 candidate blocks of NNI (NNI v2.6, pfld/lib/ops.py) as one table.

State-dict keys inside a block are NNI's, so that its checkpoints load by renaming alone.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Builder = Callable[[int, int, int, int], nn.Module]
"""(c_in, c_out, stride 1 or 2, side of the input map in pixels) -> block."""


def conv_bn(c_in: int, c_out: int, kernel: int, stride: int, groups: int = 1) -> nn.Sequential:
    """Convolution that keeps the map's size at stride 1, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(inplace=True),
    )


class Identity(nn.Module):
    """`skip`: the input itself, or a 1x1 convolution where the shape changes.

    NNI also drops half of a plain skip's values, in evaluation too. Nothing is dropped here:
    draws of a global generator would make a resumed run differ from one that never stopped.
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        same = c_in == c_out and stride == 1
        self.conv = nn.Identity() if same else conv_bn(c_in, c_out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B,c_in,S,S] to [B,c_out,S/stride,S/stride]."""
        return self.conv(x)


class Plain(nn.Module):
    """A sequence under the name `conv`, as NNI's checkpoints have it."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Run the sequence."""
        return self.conv(x)


class Ghost(nn.Module):
    """Half of the channels by a 1x1 convolution, the rest by a depthwise one of them.

    Ghost module, arXiv 1911.11907; `c_out` must be even.
    """

    def __init__(self, c_in: int, c_out: int, stride: int, kernel: int) -> None:
        super().__init__()
        half = c_out // 2
        self.primary_conv = conv_bn(c_in, half, 1, stride)
        self.cheap_operation = conv_bn(half, half, kernel, 1, groups=half)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B,c_in,S,S] to [B,c_out,S/stride,S/stride]."""
        half = self.primary_conv(x)
        return torch.cat([half, self.cheap_operation(half)], dim=1)


class ESE(nn.Module):
    """Effective squeeze-and-excitation with a learned pooling (arXiv 1911.06667, and NNI).

    The pooling is a depthwise convolution of the map's size, so a net is tied to its input size.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.avg_pool = nn.Conv2d(channels, channels, size, groups=channels, bias=False)
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of [B,channels,size,size]."""
        return x * F.hardsigmoid(self.fc(self.avg_pool(x)))


class MBBlock(nn.Module):
    """Inverted residual (arXiv 1801.04381): expand, depthwise, optional eSE, project.

    `size` is the side of the input map in pixels; `residual` adds the input where stride is 1 and
    needs c_in == c_out there: where they differ nothing is added.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        stride: int,
        size: int,
        *,
        middle: int,
        kernel: int = 3,
        dilation: int = 1,
        residual: bool = False,
        se: bool = False,
    ) -> None:
        super().__init__()
        self.residual = residual and stride == 1 and c_in == c_out
        # A kernel spans dilation * (kernel - 1) + 1 pixels: this padding keeps the map's size.
        padding = dilation * (kernel - 1) // 2
        depthwise = nn.Conv2d(
            middle, middle, kernel, stride, padding, dilation, groups=middle, bias=False
        )
        self.ir_block = nn.Sequential(
            nn.Conv2d(c_in, middle, 1, bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            nn.Identity(),  # NNI's channel shuffle, never used, keeps its place in the keys
            depthwise,
            nn.BatchNorm2d(middle),
            ESE(middle, output_side(size, stride)) if se else nn.Identity(),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, c_out, 1, bias=False),
            nn.BatchNorm2d(c_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map [B,c_in,size,size] to [B,c_out,size/stride,size/stride]."""
        y = self.ir_block(x)
        return x + y if self.residual else y


def output_side(side: int, stride: int) -> int:
    """Side of the output map of every block: all pad so that stride alone shrinks the map."""
    return -(-side // stride)


def separable(c_in: int, c_out: int, stride: int, kernel: int) -> nn.Module:
    """Depthwise then 1x1 convolution, each with batch norm and ReLU (MobileNet-V1)."""
    depthwise = conv_bn(c_in, c_in, kernel, stride, groups=c_in)
    return Plain(depthwise, conv_bn(c_in, c_out, 1, 1))


def _conv1x1(c_in: int, c_out: int, stride: int) -> nn.Module:
    return Plain(nn.Conv2d(c_in, c_out, 1, stride), nn.ReLU(inplace=True))


def _depth_conv(c_in: int, c_out: int, stride: int) -> nn.Module:
    return Plain(
        nn.Conv2d(c_in, c_in, 3, stride, 1, groups=c_in),
        nn.ReLU(inplace=True),
        nn.Conv2d(c_in, c_out, 1),
        nn.ReLU(inplace=True),
    )


def _mb(
    kernel: int, expand: int, dilation: int = 1, residual: bool = False, se: bool = False
) -> Builder:
    def build(c_in: int, c_out: int, stride: int, size: int) -> nn.Module:
        return MBBlock(
            c_in,
            c_out,
            stride,
            size,
            middle=c_in * expand,
            kernel=kernel,
            dilation=dilation,
            residual=residual,
            se=se,
        )

    return build


# Names mislead in one place: the dilated blocks say no `_e` and yet expand by 2 (as NNI's).
BLOCKS: dict[str, Builder] = {
    "skip": lambda c_in, c_out, stride, _: Identity(c_in, c_out, stride),
    "conv1x1": lambda c_in, c_out, stride, _: _conv1x1(c_in, c_out, stride),
    "depth_conv": lambda c_in, c_out, stride, _: _depth_conv(c_in, c_out, stride),
    "sep_k3": lambda c_in, c_out, stride, _: separable(c_in, c_out, stride, 3),
    "sep_k5": lambda c_in, c_out, stride, _: separable(c_in, c_out, stride, 5),
    "gh_k3": lambda c_in, c_out, stride, _: Ghost(c_in, c_out, stride, 3),
    "gh_k5": lambda c_in, c_out, stride, _: Ghost(c_in, c_out, stride, 5),
    "mb_k3": _mb(3, 1),
    "mb_k3_e2": _mb(3, 2),
    "mb_k3_e4": _mb(3, 4),
    "mb_k3_res": _mb(3, 1, residual=True),
    "mb_k3_e2_res": _mb(3, 2, residual=True),
    "mb_k3_e4_res": _mb(3, 4, residual=True),
    "mb_k3_d2": _mb(3, 2, dilation=2),
    "mb_k3_d3": _mb(3, 2, dilation=3),
    "mb_k3_res_d2": _mb(3, 2, dilation=2, residual=True),
    "mb_k3_res_d3": _mb(3, 2, dilation=3, residual=True),
    "mb_k3_res_se": _mb(3, 1, residual=True, se=True),
    "mb_k3_e2_res_se": _mb(3, 2, residual=True, se=True),
    "mb_k3_e4_res_se": _mb(3, 4, residual=True, se=True),
    "mb_k5": _mb(5, 1),
    "mb_k5_e2": _mb(5, 2),
    "mb_k5_res": _mb(5, 1, residual=True),
    "mb_k5_e2_res": _mb(5, 2, residual=True),
    "mb_k5_res_se": _mb(5, 1, residual=True, se=True),
    "mb_k5_e2_res_se": _mb(5, 2, residual=True, se=True),
}
"""NNI's 26 blocks; every builder takes (c_in, c_out, stride, size)."""


def initialise(module: nn.Module, seed: int) -> None:
    """NNI's start: Kaiming normal (fan out) convolutions, zero biases, linear std 0.001.

    Draws from its own generator, so equal modules and seeds give equal weights.
    """
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", generator=generator)
        elif isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=0.001, generator=generator)
        if isinstance(part, nn.Conv2d | nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
