"""The landmark net: a simplified PFLD (arXiv 1902.10859), one topology for supernet and subnet.

Stem, one fixed block, the searchable layers (`slots`), a multi-scale head. Names of parts are
those of NNI's PFLD example (NNI v2.6, examples/nas/oneshot/pfld).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor, nn

from fbnet.errors import BadInput
from fbnet.nets.blocks import MBBlock, conv_bn, initialise, output_side, separable
from fbnet.nets.heads import Heads, stated
from fbnet.outputs import LANDMARKS
from fbnet.params import NNI_SPACE, SIZE_STEP, SpaceParams
from fbnet.tables import BLOCKS


class Stem(nn.Module):
    """PeleeNet's stem (arXiv 1804.06882), as simplified by NNI; `c` channels (NNI: 16)."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.stem_1 = conv_bn(3, c, 3, 2)
        self.stem_2a = conv_bn(c, c, 1, 1)
        self.stem_2b = separable(c, c, 2, kernel=1)
        self.stem_2p = nn.MaxPool2d(2, 2)
        self.stem_3 = conv_bn(2 * c, c, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map [B,3,S,S] to the feature [B,c,S/4,S/4] and the early map [B,c,S/2,S/2]."""
        early = self.stem_1(x)
        branches = [self.stem_2b(self.stem_2a(early)), self.stem_2p(early)]
        return self.stem_3(torch.cat(branches, dim=1)), early


def block4_1(space: SpaceParams, size: int) -> nn.Module:
    """The fixed block before the searchable layers; halves a map of side `size` pixels."""
    width = space.trunk_channels
    return MBBlock(space.stem_channels, width, 2, size, middle=width)


@dataclass(frozen=True)
class Slot:
    """One searchable layer: the shape that its candidate blocks have in common."""

    c_in: int
    c_out: int
    stride: int
    size: int
    """Side of the input map, in pixels."""
    blocks: tuple[str, ...]
    """Names of the candidates, in the order of masks and tables."""

    @property
    def output_size(self) -> int:
        """Side of the output map, in pixels."""
        return output_side(self.size, self.stride)

    def build(self, block: str) -> nn.Module:
        """Candidate `block` at this layer's shape: [B,c_in,size,size] -> [B,c_out,...]."""
        return BLOCKS[block](self.c_in, self.c_out, self.stride, self.size)

    def shape(self) -> dict[str, int]:
        """The shape without the candidates, as cost tables store it."""
        return {name: getattr(self, name) for name in ("c_in", "c_out", "stride", "size")}


def slots(space: SpaceParams, size: int = 112) -> tuple[Slot, ...]:
    """The searchable layers of a net for square inputs of side `size` pixels, first to last.

    Shapes come from running the topology on the meta device.
    Raises BadInput for a size that the stem cannot halve twice.
    """
    if size < SIZE_STEP or size % SIZE_STEP:
        raise BadInput(f"input size {size}: must be a positive multiple of {SIZE_STEP}")
    layers = []
    with torch.device("meta"):
        feature, _ = Stem(space.stem_channels).eval()(torch.empty(1, 3, size, size))
        x = block4_1(space, feature.shape[-1]).eval()(feature)
        for stage in space.stages:
            for layer in range(stage.layer_num):
                stride = stage.stride if layer == 0 else 1
                slot = Slot(x.shape[1], stage.channels, stride, x.shape[-1], stage.ops)
                layers.append(slot)
                x = slot.build(stage.ops[0]).eval()(x)
    return tuple(layers)


class PFLD(nn.Module):
    """Stem, one fixed block, the given searchable layers, and a multi-scale head.

    `layers` holds one module per slot of `slots(space, size)`: blocks taking (x), or mixed ops
    taking (x, mask). `points` landmarks; `size` is the side of the square input in pixels; `heads`
    names what is given beside landmarks (`fbnet.outputs.HEADS`).
    Raises BadInput for another number of layers than the space has.
    """

    def __init__(
        self,
        space: SpaceParams,
        points: int,
        layers: Sequence[nn.Module],
        size: int = 112,
        heads: Sequence[str] = (),
    ) -> None:
        super().__init__()
        shapes = slots(space, size)
        if len(layers) != len(shapes):
            raise BadInput(f"{len(layers)} layers given for a space of {len(shapes)}")
        self.points = points
        self.size = size
        self.stage_ends = tuple(n - 1 for n in accumulate(s.layer_num for s in space.stages))
        self.stem = Stem(space.stem_channels)
        self.block4_1 = block4_1(space, size // 4)
        self.layers = nn.ModuleList(layers)
        ends = [shapes[i] for i in self.stage_ends]
        side = ends[-1].output_size
        scales = [(space.stem_channels, size // 2), *((end.c_out, end.output_size) for end in ends)]
        # Learned average pooling of every scale but the last, which has the final size already.
        self.reduce = nn.ModuleList(_learned_pooling(c, s, side) for c, s in scales[:-1])
        head, width = space.head_channels, 2 * space.head_channels
        self.block6_1 = nn.Conv2d(sum(c for c, _ in scales), head, 1, bias=False)
        self.block6_2 = MBBlock(head, head, 1, side, middle=width, residual=True, se=True)
        self.block6_3 = separable(head, width, 1, kernel=3)
        self.conv7 = nn.Conv2d(width, width, side, groups=width, bias=False)
        self.fc = nn.Conv2d(width, 2 * points, 1)
        channels = sum(c for c, _ in scales)
        self.heads = Heads(heads, points, channels, side, width) if heads else None

    def forward(self, x: Tensor, masks: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Landmarks [B,points,2] in units of the crop, and the pose net's feature [B,stem,S/4,S/4].

        `x` is [B,3,S,S] in 0..1; `masks[i]` holds one weight per candidate of layer i, and is
        given to mixed ops only.
        """
        scales, feature = self.scales(x, masks)
        return self.landmarks(self.pooled(scales)), feature

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """Landmarks [B,points,2] and what the heads give, by name, as `fbnet.outputs` says."""
        scales, _ = self.scales(x)
        pooled = self.pooled(scales)
        given = self.heads(scales, pooled) if self.heads else {}
        return {LANDMARKS: self.landmarks(pooled)} | {n: stated(n, v) for n, v in given.items()}

    def landmarks(self, pooled: Tensor) -> Tensor:
        """Landmarks [B,points,2] from the pooled feature [B,2*head,1,1]."""
        return self.fc(pooled).reshape(-1, self.points, 2)

    def pooled(self, scales: Tensor) -> Tensor:
        """The pooled feature [B,2*head,1,1] from the map of scales."""
        return self.conv7(self.block6_3(self.block6_2(self.block6_1(scales))))

    def scales(self, x: Tensor, masks: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """All scales side by side at the last one's size, and the pose net's feature."""
        feature, early = self.stem(x)
        scales = [early]
        x = self.block4_1(feature)
        for i, layer in enumerate(self.layers):
            x = layer(x) if masks is None else layer(x, masks[i])
            if i in self.stage_ends:
                scales.append(x)
        last = scales.pop()
        pooled = [reduce(scale) for reduce, scale in zip(self.reduce, scales, strict=True)]
        # NNI concatenates the last stage first.
        return torch.cat([last, *reversed(pooled)], dim=1), feature


def _learned_pooling(channels: int, side: int, target: int) -> nn.Conv2d:
    """Depthwise convolution that brings a map of `side` to `target` (56 -> 7: 9x9, stride 8)."""
    stride = -(-side // target)
    kernel = max(3, stride + 1)
    # NNI pads by 1; maps that do not divide evenly need more.
    padding = next(p for p in range(1, kernel) if (side + 2 * p - kernel) // stride + 1 == target)
    return nn.Conv2d(channels, channels, kernel, stride, padding, groups=channels, bias=False)


class AuxNet(nn.Module):
    """Head pose from PFLD's early feature; used in training only.

    Input [B,channels,side,side], output [B,3]: pitch, yaw, roll in radians. `size` is that of the
    face crop. At 112 and 16 it is NNI's net; elsewhere the last kernel shrinks to fit the map.
    """

    def __init__(self, size: int = 112, channels: int = NNI_SPACE.stem_channels) -> None:
        super().__init__()
        side = output_side(output_side(size // 4, 2), 2)
        kernel = min(7, side)
        self.conv1 = conv_bn(channels, 64, 3, 2)
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
        """Angles [B,3] in radians from the feature [B,channels,S/4,S/4]."""
        x = self.conv4(self.conv3(self.conv2(self.conv1(feature))))
        return self.fc2(self.fc1(self.pool(x).flatten(1)))


def build_subnet(
    space: SpaceParams,
    points: int,
    choice: Sequence[str],
    size: int = 112,
    seed: int = 0,
    heads: Sequence[str] = (),
) -> PFLD:
    """The net with block `choice[i]` in layer i, with fresh weights drawn from `seed`.

    heads: what it gives beside landmarks, names of `fbnet.outputs.HEADS`. Raises BadInput when
    `choice` does not fit the space.
    """
    check_choice(space, choice)
    shapes = slots(space, size)
    layers = [slot.build(block) for slot, block in zip(shapes, choice, strict=True)]
    net = PFLD(space, points, layers, size, heads)
    initialise(net, seed)
    return net


def build_auxnet(size: int = 112, seed: int = 0, space: SpaceParams = NNI_SPACE) -> AuxNet:
    """The pose net for nets of `space`, with fresh weights drawn from `seed`."""
    net = AuxNet(size, space.stem_channels)
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
