"""The candidate blocks of a search space; `fbnet.tables.BLOCKS` has their names.

Blocks and the keys of their state dicts are NNI's (NNI v2.6, pfld/lib/ops.py), so that its
checkpoints load by renaming alone. Every block maps [B,c_in,S,S] to [B,c_out,S/stride,S/stride],
S/stride rounded up.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


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
        """Map [B,c_in,S,S] to [B,c_out,S/stride,S/stride]."""
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


# ----------------------------------------------------- builders by the first word of the name
def skip(c_in: int, c_out: int, stride: int, size: int) -> nn.Module:
    """`skip`: the input itself where shapes allow."""
    return Identity(c_in, c_out, stride)


def conv1x1(c_in: int, c_out: int, stride: int, size: int) -> nn.Module:
    """`conv1x1`: a convolution with bias, and ReLU."""
    return Plain(nn.Conv2d(c_in, c_out, 1, stride), nn.ReLU(inplace=True))


def depth_conv(c_in: int, c_out: int, stride: int, size: int) -> nn.Module:
    """`depth_conv`: 3x3 depthwise, then 1x1 convolution, with biases and without batch norm."""
    return Plain(
        nn.Conv2d(c_in, c_in, 3, stride, 1, groups=c_in),
        nn.ReLU(inplace=True),
        nn.Conv2d(c_in, c_out, 1),
        nn.ReLU(inplace=True),
    )


def sep(c_in: int, c_out: int, stride: int, size: int, *, kernel: int) -> nn.Module:
    """`sep_k5`: separable convolution."""
    return separable(c_in, c_out, stride, kernel)


def gh(c_in: int, c_out: int, stride: int, size: int, *, kernel: int) -> nn.Module:
    """`gh_k5`: ghost module, of the kernel of its depthwise half."""
    return Ghost(c_in, c_out, stride, kernel)


def mb(
    c_in: int,
    c_out: int,
    stride: int,
    size: int,
    *,
    kernel: int,
    expand: int | None = None,
    res: bool = False,
    dilation: int = 1,
    se: bool = False,
) -> nn.Module:
    """`mb_k3_e4_res_d2_se`: inverted residual of `expand` x c_in channels in the middle.

    A name without `_e` means no expansion, but for dilated blocks: as NNI's they expand by 2.
    """
    if expand is None:
        expand = 2 if dilation > 1 else 1
    return MBBlock(
        c_in,
        c_out,
        stride,
        size,
        middle=c_in * expand,
        kernel=kernel,
        dilation=dilation,
        residual=res,
        se=se,
    )


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
