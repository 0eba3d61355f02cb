"""Heads beside the landmarks: pose, confidence, visibility, openness (`fbnet.outputs`)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fbnet.outputs import OUTPUTS

NARROW, HIDDEN = 12, 64
"""Channels of the map that the heads see, and of what is pooled from it."""


class Heads(nn.Module):
    """Heads on what a landmark net has computed: its scales side by side, and its pooled feature.

    names: of `fbnet.outputs.HEADS`. channels, side: of the map of scales; width: of the feature.
    What hides a point shows in the scales, pose in the feature. All heads together cost 1.9 % of
    the MACs of a net of 7.5 million.
    """

    def __init__(
        self, names: Sequence[str], points: int, channels: int, side: int, width: int
    ) -> None:
        super().__init__()
        self.narrow = nn.Sequential(nn.Conv2d(channels, NARROW, 1), nn.ReLU())
        self.pool = nn.Sequential(nn.Conv2d(NARROW, HIDDEN, side), nn.ReLU())
        widths = {name: math.prod(OUTPUTS[name].shape(points)) for name in names}
        self.last = nn.ModuleDict(
            {name: nn.Conv2d(HIDDEN + width, values, 1) for name, values in widths.items()}
        )

    def forward(self, scales: Tensor, pooled: Tensor) -> dict[str, Tensor]:
        """Values [B, n] by name, as the losses take them: pose in radians, logits for 0..1.

        scales: [B, channels, side, side]; pooled: [B, width, 1, 1].
        """
        hidden = torch.cat([self.pool(self.narrow(scales)), pooled], dim=1)
        return {name: head(hidden).flatten(1) for name, head in self.last.items()}


def stated(name: str, values: Tensor) -> Tensor:
    """What the file states of a head's values [B, n]: degrees, and 0..1."""
    if name == "pose":
        return values * (180 / math.pi)
    return values if name == "openness" else torch.sigmoid(values)
