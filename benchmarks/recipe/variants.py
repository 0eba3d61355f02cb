"""Training with one thing done otherwise that the library lacks: a loss, and branches to fold."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from fbnet.training.losses import LandmarkLoss, Penalty

LEAST = 1e-6
"""Added to a scale, in units of the crop, so that perfect points have a logarithm."""


@dataclass(frozen=True)
class Laplace(LandmarkLoss):
    """A Laplace likelihood of the residuals, with a scale for each point.

    The scale of a point is its likeliest: its mean absolute residual in the batch. The negative
    log-likelihood is then, but for a constant, the mean over points of the scale's logarithm; here
    its exponential, the geometric mean of the scales, in units of the crop. So a point that is hard
    everywhere counts less than by one scale for all, and no face is weighted.
    """

    penalty: Penalty = torch.abs

    def __call__(self, landmarks: Tensor, target: Tensor, *_: Tensor | None) -> Tensor:
        """Scalar loss of landmarks against target, both [B, P, 2]; NaN was not seen."""
        seen = ~target.isnan()
        size = self.penalty(torch.where(seen, landmarks - target, 0.0)).sum(dim=(0, 2))
        count = seen.sum(dim=(0, 2))
        logarithm = torch.log(size / count.clamp_min(1) + LEAST)
        return torch.where(count > 0, logarithm, 0.0).sum().div((count > 0).sum()).exp()


class Branches(nn.Module):
    """A depthwise convolution with its batch norm, and beside it a 1x1 one and the map itself.

    Each branch has a batch norm of its own; the map itself is a branch where stride is 1. All are
    linear once trained, so `folded` makes one convolution of them (arXiv 2101.03697).
    """

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d, generator: torch.Generator) -> None:
        super().__init__()
        channels, stride = conv.in_channels, conv.stride[0]
        self.conv, self.norm = conv, norm
        self.point = nn.Conv2d(channels, channels, 1, stride, groups=channels, bias=False)
        nn.init.normal_(self.point.weight, generator=generator)
        self.point_norm = nn.BatchNorm2d(channels)
        self.map_norm = nn.BatchNorm2d(channels) if stride == 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """Map [B,C,S,S] to [B,C,S/stride,S/stride]."""
        y: Tensor = self.norm(self.conv(x)) + self.point_norm(self.point(x))
        return y if self.map_norm is None else y + self.map_norm(x)

    @torch.no_grad()
    def folded(self) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
        """The convolution and the batch norm it had, set so that they compute all branches."""
        centre = torch.zeros_like(self.conv.weight)
        middle = centre.shape[-1] // 2
        centre[:, :, middle, middle] = 1
        branches = [(self.conv.weight, self.norm), (self.point.weight * centre, self.point_norm)]
        if self.map_norm is not None:
            branches.append((centre, self.map_norm))
        kernel, bias = torch.zeros_like(centre), torch.zeros_like(self.norm.bias)
        for weight, norm in branches:
            assert norm.running_mean is not None
            assert norm.running_var is not None
            scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
            kernel += scale[:, None, None, None] * weight
            bias += norm.bias - scale * norm.running_mean
        self.conv.weight.copy_(kernel)
        assert self.norm.running_mean is not None
        assert self.norm.running_var is not None
        self.norm.running_mean.zero_()
        self.norm.running_var.fill_(1 - self.norm.eps)
        self.norm.weight.fill_(1)
        self.norm.bias.copy_(bias)
        return self.conv, self.norm


def add_branches(net: nn.Module, seed: int) -> None:
    """Give every depthwise convolution wider than a pixel its branches, in place."""
    generator = torch.Generator().manual_seed(seed)
    for layers in [part for part in net.modules() if type(part) is nn.Sequential]:
        for at, (conv, norm) in enumerate(pairwise(list(layers))):
            if (
                isinstance(conv, nn.Conv2d)
                and isinstance(norm, nn.BatchNorm2d)
                and 1 < conv.groups == conv.in_channels == conv.out_channels
                and conv.kernel_size != (1, 1)
            ):
                layers[at], layers[at + 1] = Branches(conv, norm, generator), nn.Identity()


def fold_branches(net: nn.Module) -> None:
    """Make the plain net again of one with branches, in place; it computes the same in eval."""
    for layers in [part for part in net.modules() if type(part) is nn.Sequential]:
        for at, part in enumerate(layers):
            if isinstance(part, Branches):
                layers[at], layers[at + 1] = part.folded()
