"""The landmark net: a simplified PFLD (arXiv 1902.10859), one topology for supernet and subnet."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fbnet.errors import BadInput
from fbnet.nets.blocks import MBBlock, conv_bn, initialise, output_side, separable
from fbnet.nets.space import slots
from fbnet.nets.stem import STEM_CHANNELS, Stem, block4_1
from fbnet.params import SpaceParams

HEAD_CHANNELS = 64


class PFLD(nn.Module):
    """Stem, one fixed block, the given searchable layers, and a multi-scale head.

    `layers` holds one module per slot of `slots(space, size)`: blocks taking (x), or mixed ops
    taking (x, mask). `size` is the side of the square input. Names of parts are NNI's.
    """

    def __init__(
        self, space: SpaceParams, points: int, layers: Sequence[nn.Module], size: int = 112
    ) -> None:
        super().__init__()
        found = slots(space, size)
        if len(layers) != len(found):
            raise BadInput(f"{len(layers)} layers given for a space of {len(found)}")
        ends = _stage_ends(space)
        side = found[-1].output_size
        self.points = points
        self.size = size
        self.stage_ends = ends
        self.stem = Stem()
        self.block4_1 = block4_1(size // 4)
        self.layers = nn.ModuleList(layers)
        scales = [(STEM_CHANNELS, size // 2)]
        scales += [(found[i].c_out, found[i].output_size) for i in ends]
        # Learned average pooling of every scale but the last, which has the final size already.
        self.reduce = nn.ModuleList(_reduction(c, s, side) for c, s in scales[:-1])
        width = 2 * HEAD_CHANNELS
        self.block6_1 = nn.Conv2d(sum(c for c, _ in scales), HEAD_CHANNELS, 1, bias=False)
        self.block6_2 = MBBlock(
            HEAD_CHANNELS, HEAD_CHANNELS, 1, side, middle=width, residual=True, se=True
        )
        self.block6_3 = separable(HEAD_CHANNELS, width, 1, kernel=3)
        self.conv7 = nn.Conv2d(width, width, side, groups=width, bias=False)
        self.fc = nn.Conv2d(width, 2 * points, 1)

    def forward(self, x: Tensor, masks: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Landmarks [B,points,2] in units of the crop, and the pose net's feature [B,16,S/4,S/4].

        `x` is [B,3,S,S] in 0..1; `masks[i]` holds one weight per candidate of layer i, and is
        given to mixed ops only.
        """
        feature, early = self.stem(x)
        scales = [early]
        x = self.block4_1(feature)
        for i, layer in enumerate(self.layers):
            x = layer(x) if masks is None else layer(x, masks[i])
            if i in self.stage_ends:
                scales.append(x)
        return self._head(scales), feature

    def _head(self, scales: list[Tensor]) -> Tensor:
        same = [reduce(y) for reduce, y in zip(self.reduce, scales[:-1], strict=True)]
        # NNI concatenates the last stage first.
        y = self.block6_1(torch.cat([scales[-1], *reversed(same)], dim=1))
        y = self.block6_3(self.block6_2(y))
        return self.fc(self.conv7(y)).reshape(-1, self.points, 2)


class AuxNet(nn.Module):
    """Head pose from PFLD's early feature; used in training only.

    Input [B,16,side,side], output [B,3]: pitch, yaw, roll in radians. `size` is that of the face
    crop. At 112 it is NNI's net; elsewhere the last kernel shrinks to fit the map.
    """

    def __init__(self, size: int = 112) -> None:
        super().__init__()
        side = output_side(output_side(size // 4, 2), 2)
        kernel = min(7, side)
        self.conv1 = conv_bn(STEM_CHANNELS, 64, 3, 2)
        self.conv2 = conv_bn(64, 64, 3, 1)
        self.conv3 = conv_bn(64, 32, 3, 2)
        self.conv4 = nn.Sequential(
            nn.Conv2d(32, 64, kernel, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
        )
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.fc1 = nn.Linear(64, 32)
        self.fc2 = nn.Linear(32, 3)

    def forward(self, feature: Tensor) -> Tensor:
        """Angles [B,3] in radians from the feature [B,16,S/4,S/4]."""
        x = self.conv4(self.conv3(self.conv2(self.conv1(feature))))
        return self.fc2(self.fc1(self.pool(x).flatten(1)))


def build_subnet(
    space: SpaceParams, points: int, choice: Sequence[str], size: int = 112, seed: int = 0
) -> PFLD:
    """The net with block `choice[i]` in layer i, with fresh weights drawn from `seed`.

    Raises BadInput when `choice` does not fit the space.
    """
    found = slots(space, size)
    check_choice(space, choice)
    layers = [slot.build(block) for slot, block in zip(found, choice, strict=True)]
    net = PFLD(space, points, layers, size)
    initialise(net, seed)
    return net


def build_auxnet(size: int = 112, seed: int = 0) -> AuxNet:
    """The pose net with fresh weights drawn from `seed`."""
    net = AuxNet(size)
    initialise(net, seed)
    return net


def check_choice(space: SpaceParams, choice: Sequence[str]) -> None:
    """Raise BadInput, naming the layer, unless `choice` names one candidate per layer."""
    ops = space.layer_ops
    if len(choice) != len(ops):
        raise BadInput(f"the choice names {len(choice)} blocks, the space has {len(ops)} layers")
    for i, (block, known) in enumerate(zip(choice, ops, strict=True)):
        if block not in known:
            raise BadInput(f"layer {i}: {block!r} is not in the space; take {', '.join(known)}")


def _stage_ends(space: SpaceParams) -> tuple[int, ...]:
    ends, last = [], -1
    for stage in space.stages:
        last += stage.layer_num
        ends.append(last)
    return tuple(ends)


def _reduction(channels: int, side: int, target: int) -> nn.Conv2d:
    """Depthwise convolution that brings a map of `side` to `target` (56 -> 7: 9x9, stride 8)."""
    stride = -(-side // target)
    kernel = max(3, stride + 1)
    # NNI pads by 1; maps that do not divide evenly need more.
    padding = next(p for p in range(1, kernel) if (side + 2 * p - kernel) // stride + 1 == target)
    return nn.Conv2d(channels, channels, kernel, stride, padding, groups=channels, bias=False)
