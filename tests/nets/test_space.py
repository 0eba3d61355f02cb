import pytest
from pydantic import ValidationError

from fbnet.errors import BadInput
from fbnet.nets.space import slots
from fbnet.params import NNI_SPACE, SpaceParams, StageParams


def stage(*ops: str, layer_num: int = 1, channels: int = 32, stride: int = 1) -> StageParams:
    return StageParams(ops=ops, layer_num=layer_num, channels=channels, stride=stride)


def test_the_seeds_shapes_come_out_of_the_topology() -> None:
    shapes = [tuple(slot.shape().values()) for slot in slots(NNI_SPACE)]
    assert shapes == [
        (32, 32, 1, 14),
        (32, 32, 1, 14),
        (32, 64, 2, 14),
        (64, 64, 1, 7),
        (64, 64, 1, 7),
    ]


def test_each_of_three_stages_keeps_its_own_blocks() -> None:
    # NNI's `left = right` gives layers of the third stage the blocks of the second.
    space = SpaceParams(
        stages=(
            stage("skip", "sep_k3", layer_num=2),
            stage("gh_k3", layer_num=1, channels=48, stride=2),
            stage("mb_k3", "mb_k5", layer_num=3, channels=64, stride=2),
        )
    )
    found = slots(space)
    assert [s.blocks for s in found] == [("skip", "sep_k3")] * 2 + [("gh_k3",)] + [
        ("mb_k3", "mb_k5")
    ] * 3
    assert [s.c_in for s in found] == [32, 32, 32, 48, 64, 64]
    assert [s.size for s in found] == [14, 14, 14, 7, 4, 4]
    assert [s.output_size for s in found] == [14, 14, 7, 4, 4, 4]


@pytest.mark.parametrize("size", [0, 2, 111, 114])
def test_a_size_the_stem_cannot_halve_twice_is_refused(size: int) -> None:
    with pytest.raises(BadInput, match="multiple of 4"):
        slots(NNI_SPACE, size)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ops": ("mb_k9",)}, "unknown block 'mb_k9'; known: skip, conv1x1"),
        ({"ops": ()}, "at least 1"),
        ({"ops": ("skip", "sep_k3", "skip")}, "'skip' is listed twice"),
        ({"layer_num": 0}, "greater than or equal to 1"),
        ({"stride": 3}, "less than or equal to 2"),
        ({"channels": 33}, "multiple of 2"),
        ({"kernel": 3}, "not permitted"),
    ],
)
def test_impossible_stages_are_refused(changes: dict, message: str) -> None:
    good = {"ops": ("skip",), "layer_num": 1, "channels": 32, "stride": 1}
    StageParams(**good)
    with pytest.raises(ValidationError, match=message):
        StageParams(**(good | changes))
