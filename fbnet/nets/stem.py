"""What every net begins with: PeleeNet's stem block and one inverted residual."""

import torch
from torch import Tensor, nn

from fbnet.nets.blocks import MBBlock, conv_bn, separable

STEM_CHANNELS = 16
TRUNK_CHANNELS = 32
SIZE_STEP = 4
"""The input's side must be a multiple of this, or the stem's two branches differ in size."""


class Stem(nn.Module):
    """PeleeNet's stem (arXiv 1804.06882), as simplified by NNI.

    Input [B,3,S,S]; returns ([B,16,S/4,S/4], [B,16,S/2,S/2]), the second for the head's
    multi-scale features.
    """

    def __init__(self) -> None:
        super().__init__()
        c = STEM_CHANNELS
        self.stem_1 = conv_bn(3, c, 3, 2)
        self.stem_2a = conv_bn(c, c, 1, 1)
        self.stem_2b = separable(c, c, 2, kernel=1)
        self.stem_2p = nn.MaxPool2d(2, 2)
        self.stem_3 = conv_bn(2 * c, c, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the feature and the early map."""
        early = self.stem_1(x)
        branches = [self.stem_2b(self.stem_2a(early)), self.stem_2p(early)]
        return self.stem_3(torch.cat(branches, dim=1)), early


def block4_1(size: int) -> nn.Module:
    """The fixed block before the searchable layers; halves a map of side `size`."""
    return MBBlock(STEM_CHANNELS, TRUNK_CHANNELS, 2, size, middle=TRUNK_CHANNELS)
