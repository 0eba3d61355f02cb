import numpy as np
import onnxruntime
import pytest
import torch

from fbnet.costs.latency import net_model
from fbnet.errors import BadInput
from fbnet.nets.pfld import PFLD, build_auxnet, build_subnet
from fbnet.params import NNI_SPACE, SpaceParams, StageParams

FIRST = tuple(ops[0] for ops in NNI_SPACE.layer_ops)


def stage(block: str, channels: int, stride: int, layer_num: int = 1) -> StageParams:
    return StageParams(ops=(block,), layer_num=layer_num, channels=channels, stride=stride)


SPACES = {
    "one stage": (stage("sep_k3", 24, 2),),
    "three stages": (stage("skip", 32, 1), stage("gh_k3", 48, 2, 2), stage("mb_k3_res_se", 64, 2)),
    "four, no stride": tuple(stage("mb_k3_res", c, 1) for c in (32, 16, 16, 24)),
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
@pytest.mark.parametrize("stages", SPACES.values(), ids=SPACES)
def test_any_number_of_stages_and_any_size(stages: tuple[StageParams, ...], size: int) -> None:
    space = SpaceParams(stages=stages)
    choice = [ops[0] for ops in space.layer_ops]
    net = build_subnet(space, 68, choice, size)
    assert len(net.reduce) == len(stages)
    landmarks, feature = net(crop(2, size))
    assert landmarks.shape == (2, 68, 2)
    assert build_auxnet(size)(feature).shape == (2, 3)


def test_the_head_reduces_as_the_seeds() -> None:
    net = build_subnet(NNI_SPACE, 106, FIRST)
    kernels = [(c.kernel_size[0], c.stride[0], c.padding[0]) for c in net.reduce]
    assert kernels == [(9, 8, 1), (3, 2, 1)]
    assert net.conv7.kernel_size == (7, 7)


def test_the_pose_net_has_the_seeds_parameters() -> None:
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
