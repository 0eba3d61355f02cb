"""What a space's widths, strides, depth and input are worth, and what searches find in spaces.

This module is the comparison as data.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from fbnet.params import SpaceParams

ENGINES = ("onnxruntime", "mnn")
SEEDS = (1, 2)
TIMING: Mapping[str, Any] = {"warmup": 20, "rounds": 200, "ci_target": 0.01, "max_seconds": 60.0}
Stage = tuple[int, int, Sequence[str]]
"""Channels, stride of the first layer, and the block of each layer."""


class Net(NamedTuple):
    """An architecture as data: what is special, its stages, its fixed widths, its input."""

    about: str
    stages: Sequence[Stage]
    widths: Mapping[str, int] = {}
    """`stem_channels`, `trunk_channels`, `head_channels` where they are not NNI's."""
    size: int = 112

    @property
    def choice(self) -> tuple[str, ...]:
        """The block of each layer."""
        return tuple(block for _, _, blocks in self.stages for block in blocks)

    @property
    def space(self) -> "SpaceParams":
        """A space that holds this architecture."""
        from fbnet.params import SpaceParams, StageParams

        stages = (
            StageParams(
                ops=tuple(dict.fromkeys(blocks)),
                layer_num=len(blocks),
                channels=channels,
                stride=stride,
            )
            for channels, stride, blocks in self.stages
        )
        return SpaceParams(stages=tuple(stages), **self.widths)


NNI_BEST = ("mb_k3_e4_res", "mb_k5_e2_res", "mb_k3_e2_res_se")
PLAIN: Sequence[Stage] = (
    (32, 1, ("mb_k3_res", "mb_k5_res")), (64, 2, ("mb_k5_e2_res", "mb_k5_res", "gh_k5")),
)  # fmt: skip
WIDE: Sequence[Stage] = ((48, 1, ("mb_k5_res",)), (96, 2, ("mb_k5_res", "mb_k5_res")))

NETS: Mapping[str, Net] = {
    "nni": Net(
        "NNI's space, what an earlier default's search chose",
        (
            (32, 1, ("mb_k3_res", "mb_k5_res")),
            (64, 2, ("mb_k5_e2_res_se", "mb_k5_res_se", "gh_k5")),
        ),
    ),
    "nni_best": Net(
        "NNI's space, the best by validation of the NAS table's first 60 nets",
        ((32, 1, ("mb_k3_res", "mb_k5_e2_res")), (64, 2, NNI_BEST)),
    ),
    "plain": Net("the same without squeeze and excitation", PLAIN),
    "separable": Net("separable blocks", ((32, 1, ("sep_k5",) * 2), (64, 2, ("sep_k5",) * 3))),
    "stem_8": Net("plain, half of the stem's channels", PLAIN, {"stem_channels": 8}),
    "short": Net("two layers, both on 7x7", ((64, 2, ("mb_k5_e4_res", "mb_k5_e2_res")),)),
    "wide": Net("three layers, half as wide again", WIDE, {"trunk_channels": 48}),
    "widest": Net(
        "two layers, both on 7x7, twice as wide",
        ((128, 2, ("mb_k5_res", "mb_k5_res")),),
        {"trunk_channels": 64},
    ),
    "head_48": Net("wide, a narrower head", WIDE, {"trunk_channels": 48, "head_channels": 48}),
    "input_96": Net("wide, at an input of 96", WIDE, {"trunk_channels": 48}, 96),
}
"""One thing at a time, from NNI's net on."""


class Budget(NamedTuple):
    """A search within a budget.

    space: `nni`, or one of the profile `mobile`. size: side of the input in pixels. macs: the most
    that the chosen net may have.
    """

    space: str
    size: int
    macs: int


FRONT: Mapping[str, Budget] = {
    "nni_6.5": Budget("nni", 112, 6_500_000),
    "nni_7.5": Budget("nni", 112, 7_500_000),
    "nni_9": Budget("nni", 112, 9_000_000),
    "nni_15": Budget("nni", 112, 15_000_000),
    "mobile_small_4": Budget("mobile_small", 96, 4_000_000),
    "mobile_96_7.5": Budget("mobile", 96, 7_500_000),
    "mobile_7.5": Budget("mobile", 112, 7_500_000),
    "mobile_10": Budget("mobile", 112, 10_000_000),
    "mobile_15": Budget("mobile", 112, 15_000_000),
}
"""NNI's space holds nets of 5.8 to 12.1 M MACs, whatever the budget."""
