"""The fast form of the nets against NNI's, as benchmarks/yardstick.py has it."""

import copy
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from benchmarks.yardstick import plain_supernet
from fbnet.nets.optimize import (
    DepthwiseConv,
    FastStem,
    conv_norm_relu,
    moments,
    optimize_for_cpu,
)
from fbnet.nets.pfld import PFLD
from fbnet.params import SpaceParams, StageParams
from fbnet.search.supernet import build_supernet
from fbnet.tables import NNI_BLOCKS

SIZE, POINTS = 64, 68
ALL = (*NNI_BLOCKS, "mb_k7_e6_res_se", "mb_k3_e3_res_d2", "sep_k7", "gh_k7")
SPACE = SpaceParams(
    stages=(
        StageParams(ops=ALL, layer_num=1, channels=32, stride=1),
        StageParams(ops=ALL, layer_num=2, channels=32, stride=2),
    )
)
SIDES = {"double": (torch.float64, 1e-9), "single": (torch.float32, 1e-3)}
"""Precision, and the largest difference as a share of the largest value. Doubles show that the
algebra is the same; of single precision a kink of a ReLU may magnify the rounding."""


@pytest.fixture(scope="module")
def supernet() -> PFLD:
    return build_supernet(SPACE, POINTS, SIZE, seed=3)


def masks() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(len(ALL), generator=generator) for _ in range(3)]
    return [torch.softmax(row, 0) for row in logits]


def run(net: PFLD, dtype: torch.dtype, layout: torch.memory_format) -> Sequence[dict[str, Tensor]]:
    """Outputs, gradients and state after a training step's forward and backward."""
    net = net.to(dtype).to(memory_format=layout)
    x = torch.rand((4, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(1))
    weights = [mask.to(dtype).requires_grad_() for mask in masks()]
    landmarks, feature = net(x.to(dtype).contiguous(memory_format=layout), weights)
    (landmarks.square().sum() + feature.mean()).backward()
    gradients = {name: p.grad for name, p in net.named_parameters()}
    gradients |= {f"mask {i}": mask.grad for i, mask in enumerate(weights)}
    return {"landmarks": landmarks.detach(), "feature": feature.detach()}, gradients, _state(net)


def _state(net: PFLD) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def assert_close(found: dict[str, Tensor], expected: dict[str, Tensor], share: float) -> None:
    assert list(found) == list(expected)
    # One scale for all: some true gradients are zero, and what is there is rounding.
    scale = max(float(value.abs().max()) for value in expected.values())
    for name, value in expected.items():
        assert float((found[name] - value).abs().max()) <= share * scale, name


@pytest.mark.parametrize("side", SIDES)
def test_the_fast_form_equals_nni(supernet: PFLD, side: str) -> None:
    dtype, share = SIDES[side]
    plain = run(plain_supernet(copy.deepcopy(supernet)), dtype, torch.contiguous_format)
    fast = run(optimize_for_cpu(copy.deepcopy(supernet)), dtype, torch.channels_last)
    for found, expected in zip(fast, plain, strict=True):
        assert_close(found, expected, share)


def test_it_loads_the_same_weights_and_evaluates_the_same(supernet: PFLD) -> None:
    fast = optimize_for_cpu(build_supernet(SPACE, POINTS, SIZE, seed=4)).eval()
    fast.load_state_dict(supernet.state_dict())
    x = torch.rand((2, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(2))
    expected = plain_supernet(copy.deepcopy(supernet)).eval()
    with torch.no_grad():
        torch.testing.assert_close(fast(x, masks())[0], expected(x, masks())[0])


def test_what_is_slow_is_replaced(supernet: PFLD) -> None:
    fast = optimize_for_cpu(copy.deepcopy(supernet))
    blocks = fast.layers[0].blocks
    kinds = [type(blocks[name].ir_block[4]) for name in ("mb_k3", "mb_k5", "mb_k3_d3")]
    assert kinds == [nn.Conv2d, DepthwiseConv, DepthwiseConv]
    assert type(fast.stem) is FastStem


@pytest.mark.parametrize(
    ("side", "stride", "dilation", "padding", "kernel"),
    [
        (14, 1, 1, 2, 5),
        (14, 2, 1, 2, 5),
        (13, 2, 1, 2, 5),
        (7, 1, 3, 3, 3),
        (14, 2, 3, 3, 3),
        (9, 1, 2, 4, 5),
        (7, 1, 1, 0, 7),
        # Kernels that reach further than the map.
        (2, 1, 1, 3, 7),
        (1, 1, 1, 5, 11),
        (3, 2, 2, 6, 7),
        (4, 1, 4, 12, 7),
        (7, 2, 3, 15, 11),
    ],
)
def test_depthwise_gradients(
    side: int, stride: int, dilation: int, padding: int, kernel: int
) -> None:
    plain = nn.Conv2d(6, 6, kernel, stride, padding, dilation, groups=6, bias=False).double()
    fast = optimize_for_cpu(nn.Sequential(copy.deepcopy(plain)))[0]
    assert type(fast) is DepthwiseConv
    x = torch.rand((3, 6, side, side), dtype=torch.float64)
    g = torch.rand_like(plain(x))
    results = []
    for conv in (plain, fast):
        own = x.clone().requires_grad_()
        conv(own).backward(g)
        results.append((own.grad, conv.weight.grad))
    for found, expected in zip(*reversed(results), strict=True):
        torch.testing.assert_close(found, expected)


def test_mixed_precision_takes_the_plain_way(supernet: PFLD) -> None:
    fast = optimize_for_cpu(copy.deepcopy(supernet))
    x = torch.rand((2, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(2))
    with torch.autocast("cpu", torch.bfloat16):
        landmarks, _ = fast(x, masks())
    landmarks.float().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in fast.parameters())


def test_a_constant_map_is_normalised_without_nan() -> None:
    # Its variance is a difference of two large and equal numbers, and would be negative.
    layer = nn.Sequential(nn.Conv2d(8, 64, 1, bias=False), nn.BatchNorm2d(64))
    x = torch.full((4, 8, 6, 6), 321.7).requires_grad_()
    (y,) = conv_norm_relu(x, moments(x), [layer])
    y.sum().backward()
    assert torch.isfinite(y).all() and torch.isfinite(x.grad).all()
    assert (layer[1].running_var >= 0).all()
