import numpy as np
import onnxruntime
import pytest
import torch
from pydantic import ValidationError

from fbnet.costs.measure import net_model
from fbnet.errors import BadInput
from fbnet.nets.pfld import PFLD, build_auxnet, build_subnet, slots
from fbnet.params import NNI_SPACE, SpaceParams, StageParams

FIRST = tuple(ops[0] for ops in NNI_SPACE.layer_ops)


def stage(*ops: str, channels: int = 32, stride: int = 1, layer_num: int = 1) -> StageParams:
    return StageParams(ops=ops, layer_num=layer_num, channels=channels, stride=stride)


SPACES = {
    "one stage": SpaceParams(stages=(stage("sep_k3", channels=24, stride=2),)),
    "three stages": SpaceParams(
        stages=(
            stage("skip"),
            stage("gh_k3", channels=48, stride=2, layer_num=2),
            stage("mb_k3_res_se", channels=64, stride=2),
        )
    ),
    "four, no stride": SpaceParams(
        stages=tuple(stage("mb_k3_res", channels=c) for c in (32, 16, 16, 24))
    ),
    "other widths": SpaceParams(
        stages=(stage("mb_k3_res", "skip", channels=40, stride=2),),
        stem_channels=9,
        trunk_channels=24,
        head_channels=31,
    ),
}


def crop(batch: int, size: int = 112) -> torch.Tensor:
    return torch.rand((batch, 3, size, size), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("training", [True, False])
def test_shapes_also_for_a_batch_of_one(training: bool) -> None:
    # NNI's squeeze() makes a batch of one a vector.
    net = build_subnet(NNI_SPACE, 106, FIRST).train(training)
    pose_net = build_auxnet().train(training)
    for batch in (1, 2):
        landmarks, feature = net(crop(batch))
        assert landmarks.shape == (batch, 106, 2)
        assert feature.shape == (batch, 16, 28, 28)
        assert pose_net(feature).shape == (batch, 3)


@pytest.mark.parametrize("size", [32, 100, 112, 224])
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_any_number_of_stages_any_width_and_size(space: SpaceParams, size: int) -> None:
    choice = [ops[0] for ops in space.layer_ops]
    net = build_subnet(space, 68, choice, size)
    assert len(net.reduce) == len(space.stages)
    landmarks, feature = net(crop(2, size))
    assert landmarks.shape == (2, 68, 2)
    assert feature.shape == (2, space.stem_channels, size // 4, size // 4)
    assert build_auxnet(size, space=space)(feature).shape == (2, 3)


def test_the_widths_are_those_of_the_space() -> None:
    net = build_subnet(SPACES["other widths"], 68, ["mb_k3_res"])
    assert net.stem.stem_1[0].weight.shape == (9, 3, 3, 3)
    assert net.block4_1.ir_block[-2].weight.shape == (24, 24, 1, 1)
    assert net.block6_1.weight.shape == (31, 9 + 40, 1, 1)
    assert net.fc.weight.shape == (136, 62, 1, 1)


def test_the_head_reduces_as_nni() -> None:
    net = build_subnet(NNI_SPACE, 106, FIRST)
    kernels = [(c.kernel_size[0], c.stride[0], c.padding[0]) for c in net.reduce]
    assert kernels == [(9, 8, 1), (3, 2, 1)]
    assert net.conv7.kernel_size == (7, 7)


def test_the_pose_net_has_nni_parameters() -> None:
    assert sum(p.numel() for p in build_auxnet().parameters()) == 167_491


def test_channels_last_changes_nothing() -> None:
    net = build_subnet(NNI_SPACE, 106, FIRST).eval()
    with torch.no_grad():
        plain, _ = net(crop(2))
        last = torch.channels_last
        other, feature = net.to(memory_format=last)(crop(2).to(memory_format=last))
    assert feature.is_contiguous(memory_format=last)
    torch.testing.assert_close(plain, other, atol=1e-5, rtol=1e-4)


def test_the_exported_net_gives_the_same_landmarks() -> None:
    net = build_subnet(NNI_SPACE, 98, FIRST, seed=3).eval()
    session = onnxruntime.InferenceSession(net_model(NNI_SPACE, 98, FIRST, seed=3))
    (exported,) = session.run(None, {session.get_inputs()[0].name: crop(1).numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(exported, net(crop(1))[0].numpy(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (FIRST[:-1], "names 4 blocks, the space has 5 layers"),
        ((*FIRST[:4], "skip"), "layer 4: 'skip' is not in the space; take mb_k3_e2_res"),
    ],
)
def test_a_choice_outside_the_space_is_refused(choice: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        build_subnet(NNI_SPACE, 106, choice)


def test_the_number_of_layers_must_fit() -> None:
    with pytest.raises(BadInput, match="1 layers given for a space of 5"):
        PFLD(NNI_SPACE, 106, [torch.nn.Identity()])


def test_nni_shapes_come_out_of_the_topology() -> None:
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
    layers = slots(space)
    assert [s.blocks for s in layers] == [("skip", "sep_k3")] * 2 + [("gh_k3",)] + [
        ("mb_k3", "mb_k5")
    ] * 3
    assert [s.c_in for s in layers] == [32, 32, 32, 48, 64, 64]
    assert [s.size for s in layers] == [14, 14, 14, 7, 4, 4]
    assert [s.output_size for s in layers] == [14, 14, 7, 4, 4, 4]


@pytest.mark.parametrize("size", [0, 2, 111, 114])
def test_a_size_the_stem_cannot_halve_twice_is_refused(size: int) -> None:
    with pytest.raises(BadInput, match="multiple of 4"):
        slots(NNI_SPACE, size)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ops": ("mb_k9_x",)}, "unknown block 'mb_k9_x'; .*forms of names: skip, conv1x1"),
        ({"ops": ("mb_k4",)}, "block 'mb_k4': kernel 4"),
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
