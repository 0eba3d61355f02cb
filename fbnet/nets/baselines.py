"""Public PFLD nets to compare with, as tables; `fbnet.tables.BASELINES` has their names.

All are of github.com/Hsintao/pfld_106_face_landmarks. `lite` is the net of its README's
"1.01 MB, 6.22 %", which NNI's headline calls MobileNet-V3: the ONNX file behind that row is of
MobileNet-V1's kind. They take what `fbnet.nets.pfld.PFLD` takes and give what it gives, so that
they are trained, exported and scored by the same code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from fbnet.nets.blocks import conv_bn, initialise, output_side, separable
from fbnet.tables import BASELINES

STEM_CHANNELS = 16
SE_REDUCTION = 4
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"RE": nn.ReLU, "HS": nn.Hardswish}


class Baseline(nn.Module):
    """A trunk whose maps are pooled at several scales, concatenated and mapped to landmarks.

    `parts` follow each other. The output of part i is pooled behind `sides[i]`; a part without a
    side does not enter the head. The output of part 0 is the pose net's feature, which has
    `feature_channels`. `width` is the number of pooled channels in all.
    """

    def __init__(
        self,
        parts: Sequence[nn.Module],
        sides: dict[int, nn.Module],
        *,
        width: int,
        points: int,
        feature_channels: int,
    ) -> None:
        super().__init__()
        self.points = points
        self.feature_channels = feature_channels
        self.parts = nn.ModuleList(parts)
        self.sides = nn.ModuleDict({str(part): side for part, side in sides.items()})
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Conv2d(width, 2 * points, 1)

    def forward(self, x: Tensor, masks: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Landmarks [B,points,2] in units of the crop, and the feature [B,C,S/4,S/4].

        `x` is [B,3,S,S] in 0..1; `masks` is there for the interface: nothing is searched.
        """
        maps = []
        for part in self.parts:
            x = part(x)
            maps.append(x)
        scales = [self.pool(side(maps[int(part)])) for part, side in self.sides.items()]
        return self.fc(torch.cat(scales, dim=1)).reshape(-1, self.points, 2), maps[0]


# ----------------------------------------------------------------------------------------- lite
LITE_FEATURE = ((32, 1), (32, 2), (32, 1), (64, 2), (64, 1), (64, 1), (64, 1))
"""(output channels, stride) of the separable blocks up to the feature."""
LITE_DEEP = ((128, 2), (128, 1), (128, 1), (256, 1), (256, 1))
"""(output channels, stride) of the separable blocks behind the feature."""
LITE_SIDES = (16, 64, 128)
"""Pooled channels at the feature, behind the deep blocks and at the end."""


def lite(points: int, size: int) -> Baseline:
    """PFLD on MobileNet-V1's separable convolutions."""
    feature, deep = LITE_FEATURE[-1][0], LITE_DEEP[-1][0]
    feature_side, deep_side, last = LITE_SIDES
    stem = conv_bn(3, STEM_CHANNELS, 3, 1)
    tail = nn.Sequential(
        nn.Conv2d(deep, deep_side, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(deep_side, deep_side, 3, 2, 1, groups=deep_side),
        nn.ReLU(inplace=True),
        nn.Conv2d(deep_side, last, 1),
    )
    return Baseline(
        [
            nn.Sequential(stem, *_separables(STEM_CHANNELS, LITE_FEATURE)),
            nn.Sequential(*_separables(feature, LITE_DEEP)),
            tail,
        ],
        {
            0: nn.Conv2d(feature, feature_side, 3, 1, 1),
            1: nn.Conv2d(deep, deep_side, 1),
            2: nn.Identity(),
        },
        width=sum(LITE_SIDES),
        points=points,
        feature_channels=feature,
    )


def _separables(c_in: int, rows: Sequence[tuple[int, int]]) -> list[nn.Module]:
    blocks = []
    for c_out, stride in rows:
        blocks.append(separable(c_in, c_out, stride, kernel=3))
        c_in = c_out
    return blocks


# ---------------------------------------------------------------------------------- MobileNetV3
@dataclass(frozen=True)
class Row:
    """One inverted residual of MobileNetV3 (arXiv 1905.02244); residual where shapes allow."""

    kernel: int
    middle: int
    c_out: int
    se: bool
    activation: str
    stride: int


V3_LARGE = (
    Row(3, 16, 16, False, "RE", 1),
    Row(3, 64, 24, False, "RE", 2),
    Row(3, 72, 24, False, "RE", 1),
    Row(5, 72, 40, True, "RE", 2),
    Row(5, 120, 40, True, "RE", 1),
    Row(5, 120, 40, True, "RE", 1),
    Row(3, 240, 80, False, "RE", 2),
    Row(3, 200, 80, False, "HS", 1),
    Row(3, 480, 112, True, "HS", 1),
    Row(3, 672, 112, True, "HS", 1),
    Row(3, 672, 160, True, "HS", 1),
    Row(3, 320, 16, False, "HS", 1),
)
V3_SMALL = (
    Row(3, 16, 16, False, "RE", 1),
    Row(3, 64, 24, False, "RE", 2),
    Row(3, 72, 24, False, "RE", 1),
    Row(3, 96, 40, True, "RE", 2),
    Row(3, 160, 40, True, "RE", 1),
    Row(3, 160, 40, True, "RE", 1),
    Row(3, 120, 48, False, "RE", 2),
    Row(3, 144, 48, False, "HS", 1),
    Row(3, 288, 96, True, "HS", 1),
    Row(3, 384, 96, True, "HS", 1),
    Row(3, 384, 96, True, "HS", 1),
    Row(3, 32, 16, False, "HS", 2),
)
V3_FEATURE = 6
"""Rows up to the pose net's feature."""
V3_SIDES = (32, 128)
"""Channels of the two convolutions behind the last row; both are pooled, as is that row."""


class SqueezeExcite(nn.Module):
    """Channel weights from the pooled map, without biases (as in the public code)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // SE_REDUCTION, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // SE_REDUCTION, channels, 1, bias=False),
            nn.Hardsigmoid(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of [B,channels,H,W]."""
        return x * self.gate(x)


class InvertedResidual(nn.Module):
    """MobileNetV3's block: expand, depthwise, squeeze-and-excite before the activation, project."""

    def __init__(self, c_in: int, row: Row) -> None:
        super().__init__()
        middle, activation = row.middle, ACTIVATIONS[row.activation]
        self.residual = row.stride == 1 and c_in == row.c_out
        self.block = nn.Sequential(
            nn.Conv2d(c_in, middle, 1, bias=False),
            nn.BatchNorm2d(middle),
            activation(),
            nn.Conv2d(
                middle, middle, row.kernel, row.stride, row.kernel // 2, groups=middle, bias=False
            ),
            nn.BatchNorm2d(middle),
            SqueezeExcite(middle) if row.se else nn.Identity(),
            activation(),
            nn.Conv2d(middle, row.c_out, 1, bias=False),
            nn.BatchNorm2d(row.c_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map [B,c_in,S,S] to [B,c_out,S/stride,S/stride]."""
        y = self.block(x)
        return x + y if self.residual else y


def _mobilenet(rows: Sequence[Row], points: int, size: int) -> Baseline:
    first, second = V3_SIDES
    stem = nn.Sequential(
        nn.Conv2d(3, STEM_CHANNELS, 3, 1, 1, bias=False),
        nn.BatchNorm2d(STEM_CHANNELS),
        nn.Hardswish(),
    )
    widths = [STEM_CHANNELS, *(row.c_out for row in rows)]
    blocks = [InvertedResidual(c, row) for c, row in zip(widths, rows, strict=False)]
    side = size
    for row in rows:
        side = output_side(side, row.stride)
    return Baseline(
        [
            nn.Sequential(stem, *blocks[:V3_FEATURE]),
            nn.Sequential(*blocks[V3_FEATURE:]),
            nn.Conv2d(widths[-1], first, 3, 2, 1),
            nn.Conv2d(first, second, output_side(side, 2)),  # as large as its map
        ],
        {1: nn.Identity(), 2: nn.Identity(), 3: nn.Identity()},
        width=widths[-1] + first + second,
        points=points,
        feature_channels=widths[V3_FEATURE],
    )


mobilenetv3 = partial(_mobilenet, V3_LARGE)
mobilenetv3_small = partial(_mobilenet, V3_SMALL)


# ------------------------------------------------------------------------------------- pose net
POSE_CHANNELS = (128, 128, 32, 128)
POSE_STRIDES = (2, 1, 2, 1)


class PoseNet(nn.Module):
    """Head pose from a baseline's feature, as in the public code; used in training only.

    Input [B,channels,S/4,S/4], output [B,3]: pitch, yaw, roll in radians. `size` is S, the side
    of the face crop.
    """

    def __init__(self, channels: int, size: int = 112) -> None:
        super().__init__()
        widths = [channels, *POSE_CHANNELS]
        side = output_side(output_side(size // 4, 2), 2)
        layers: list[nn.Module] = [
            conv_bn(c_in, c_out, 3, stride)
            for (c_in, c_out), stride in zip(pairwise(widths), POSE_STRIDES, strict=True)
        ]
        # The last one has no padding; on maps smaller than NNI's its kernel shrinks.
        layers[-1] = nn.Sequential(
            nn.Conv2d(widths[-2], widths[-1], min(3, side), bias=False),
            nn.BatchNorm2d(widths[-1]),
            nn.ReLU(inplace=True),
        )
        self.convs = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1))
        self.fc1 = nn.Linear(widths[-1], 32)
        self.fc2 = nn.Linear(32, 3)

    def forward(self, feature: Tensor) -> Tensor:
        """Angles [B,3] in radians."""
        return self.fc2(self.fc1(self.convs(feature).flatten(1)))


def build_baseline(name: str, points: int, size: int = 112, seed: int = 0) -> Baseline:
    """The baseline `name` with fresh weights drawn from `seed`.

    It gives `points` landmarks of a square input of side `size` pixels.
    Raises BadInput for a name that `fbnet.tables.BASELINES` lacks.
    """
    net = BASELINES[name](points, size)
    initialise(net, seed)
    return net
