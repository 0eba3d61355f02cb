"""The public nets: exactly as large as published, and usable wherever our own nets are."""

import pytest
import torch
from torch import nn

from fbnet.costs.macs import count
from fbnet.errors import BadInput
from fbnet.nets.baselines import InvertedResidual, PoseNet, Row, build_baseline
from fbnet.nets.blocks import initialise
from fbnet.params import RetrainParams
from fbnet.tables import BASELINES
from fbnet.training.retrain import Retraining

PUBLISHED = {
    "lite": (265_604, 263_332, 77_355_904),
    "mobilenetv3": (1_446_268, 1_439_412, 192_429_824),
    "mobilenetv3_small": (608_724, 604_284, 127_224_960),
}
"""Parameters as trained, with batch norm folded, and MACs; 106 points, input 112."""
POSE_NETS = {"lite": 299_971, "mobilenetv3": 272_323}


def pose_net_for(net, size=112):
    pose_net = PoseNet(net.feature_channels, size)
    initialise(pose_net, seed=0)
    return pose_net


def trained_parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize("name", BASELINES)
def test_size_is_the_published_one(name):
    net = build_baseline(name, 106)
    counted = count(net, (1, 3, 112, 112))
    assert (trained_parameters(net), counted.params, counted.macs) == PUBLISHED[name]


@pytest.mark.parametrize("name", POSE_NETS)
def test_pose_net_fits_the_feature_and_has_the_published_size(name):
    net = build_baseline(name, 106).eval()
    pose_net = pose_net_for(net).eval()
    assert trained_parameters(pose_net) == POSE_NETS[name]
    with torch.inference_mode():
        landmarks, feature = net(torch.rand(2, 3, 112, 112))
        assert landmarks.shape == (2, 106, 2)
        assert feature.shape == (2, net.feature_channels, 28, 28)
        assert pose_net(feature).shape == (2, 3)


def test_weights_depend_on_the_seed_alone():
    one, same, other = (build_baseline("lite", 68, 32, seed) for seed in (1, 1, 2))
    assert torch.equal(one.fc.weight, same.fc.weight)
    assert not torch.equal(one.fc.weight, other.fc.weight)
    with pytest.raises(BadInput, match="unknown baseline 'large'; known: lite, mob"):
        build_baseline("large", 68)


@pytest.mark.parametrize("name", BASELINES)
def test_every_parameter_is_trained_by_the_landmarks(name):
    net = build_baseline(name, 68, 64)
    net(torch.rand(4, 3, 64, 64))[0].square().sum().backward()
    still = [name for name, p in net.named_parameters() if not p.grad.abs().any()]
    assert not still


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("loss", ["wing", "pose_l2"])
def test_the_training_loop_takes_it(faces, name, loss):
    net = build_baseline(name, faces.points, faces.size, seed=1)
    params = RetrainParams(epochs=1, min_steps=0, batch=22, loss=loss)
    run = Retraining(faces, net, pose_net_for(net, faces.size), params)
    run.run()
    assert 0 < run.best["nme"] < 10


def test_blocks_add_their_input_where_shapes_allow():
    for stride, c_out, residual in ((1, 16, True), (2, 16, False), (1, 24, False)):
        block = InvertedResidual(16, Row(3, 16, c_out, False, "RE", stride)).eval()
        nn.init.zeros_(block.block[-2].weight)
        image = torch.rand(1, 16, 8, 8)
        with torch.inference_mode():
            assert torch.equal(block(image), image) if residual else not block(image).any()
