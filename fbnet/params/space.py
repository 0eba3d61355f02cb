"""Search spaces: which blocks may stand in which layer."""

from pydantic import Field, field_validator

from fbnet.params.base import Section

BLOCK_NAMES = (
    "skip",
    "conv1x1",
    "depth_conv",
    "sep_k3",
    "sep_k5",
    "gh_k3",
    "gh_k5",
    "mb_k3",
    "mb_k3_e2",
    "mb_k3_e4",
    "mb_k3_res",
    "mb_k3_e2_res",
    "mb_k3_e4_res",
    "mb_k3_d2",
    "mb_k3_d3",
    "mb_k3_res_d2",
    "mb_k3_res_d3",
    "mb_k3_res_se",
    "mb_k3_e2_res_se",
    "mb_k3_e4_res_se",
    "mb_k5",
    "mb_k5_e2",
    "mb_k5_res",
    "mb_k5_e2_res",
    "mb_k5_res_se",
    "mb_k5_e2_res_se",
)
"""The seed's 26 blocks; `fbnet.nets.blocks` builds them (params must not import torch)."""


class StageParams(Section):
    """A run of searchable layers with one set of candidate blocks and one width."""

    name: str = ""
    """Optional label, for people."""
    ops: tuple[str, ...] = Field(min_length=1)
    """Candidate blocks of every layer, each once; masks and tables follow this order."""
    layer_num: int = Field(ge=1, le=64)
    """Searchable layers in this stage."""
    channels: int = Field(ge=2, le=2048, multiple_of=2)
    """Output channels of every layer; even, since ghost blocks make two halves."""
    stride: int = Field(ge=1, le=2)
    """Stride of the first layer; the others have 1."""

    @field_validator("ops")
    @classmethod
    def _known_and_distinct(cls, ops: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in ops if name not in BLOCK_NAMES]
        if unknown:
            raise ValueError(f"unknown block {unknown[0]!r}; known: {', '.join(BLOCK_NAMES)}")
        twice = [name for name in ops if ops.count(name) > 1]
        if twice:
            raise ValueError(f"block {twice[0]!r} is listed twice; list it once")
        return ops


class SpaceParams(Section):
    """A search space: its stages in order, any number of them."""

    stages: tuple[StageParams, ...] = Field(min_length=1)
    """From the 14x14 map on (at an input of 112), first to last."""

    @property
    def layer_ops(self) -> tuple[tuple[str, ...], ...]:
        """Candidate blocks of each searchable layer, in order."""
        return tuple(stage.ops for stage in self.stages for _ in range(stage.layer_num))


SEED_SPACE = SpaceParams(
    stages=(
        StageParams(
            name="stage_0",
            ops=(
                "mb_k3_res",
                "mb_k3_e2_res",
                "mb_k3_res_d3",
                "mb_k5_res",
                "mb_k5_e2_res",
                "sep_k3",
                "sep_k5",
                "gh_k3",
                "gh_k5",
            ),
            layer_num=2,
            channels=32,
            stride=1,
        ),
        StageParams(
            name="stage_1",
            ops=(
                "mb_k3_e2_res",
                "mb_k3_e4_res",
                "mb_k3_e2_res_se",
                "mb_k3_res_d3",
                "mb_k5_res",
                "mb_k5_e2_res",
                "mb_k5_res_se",
                "mb_k5_e2_res_se",
                "gh_k5",
            ),
            layer_num=3,
            channels=64,
            stride=2,
        ),
    )
)
"""The space of NNI's PFLD example (`lib/builder.py`)."""
