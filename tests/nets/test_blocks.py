import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from fbnet.costs.macs import count
from fbnet.costs.measure import quick_onnx
from fbnet.errors import BadInput
from fbnet.export.onnx import export_onnx
from fbnet.nets.blocks import Identity, MBBlock, initialise
from fbnet.nets.optimize import optimize_for_cpu
from fbnet.nets.pfld import build_subnet
from fbnet.params import SpaceParams, StageParams
from fbnet.search.supernet import build_supernet
from fbnet.tables import BLOCKS, NNI_BLOCKS, BlockTable

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/nni_blocks.json").read_text())
OTHERS = (
    "sep_k7",
    "gh_k7",
    "mb_k1",
    "mb_k11_e12",
    "mb_k7_e6_res_se",
    "mb_k3_e3_res_d2",
    "mb_k3_e1_d4",
    "mb_k5_d2_se",
)
"""Names that NNI lacks."""
SIZE = 14


def built(name: str, c_out: int, stride: int) -> nn.Module:
    block = BLOCKS[name](32, c_out, stride, SIZE)
    initialise(block, seed=0)
    return block


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_nni_names_are_a_subset() -> None:
    assert set(NNI_BLOCKS) == {record["block"] for record in GOLDEN}
    assert [BLOCKS.check(name) for name in (*NNI_BLOCKS, *OTHERS)] == [*NNI_BLOCKS, *OTHERS]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda g: f"{g['block']}-s{g['stride']}")
def test_blocks_have_nni_keys_and_shapes(golden: dict) -> None:
    block = built(golden["block"], golden["c_out"], golden["stride"])
    assert {k: list(v.shape) for k, v in block.state_dict().items()} == golden["keys"]
    assert sum(p.numel() for p in block.parameters()) == golden["parameters"]
    assert list(block.eval()(noise(1, 32, SIZE, SIZE)).shape) == golden["out"]


@pytest.mark.parametrize(("c_out", "stride"), [(32, 1), (64, 2)])
@pytest.mark.parametrize("name", NNI_BLOCKS + OTHERS)
def test_every_block_learns_exports_and_is_counted(name: str, c_out: int, stride: int) -> None:
    block = built(name, c_out, stride)
    x = noise(4, 32, SIZE, SIZE).requires_grad_()
    y = block(x)
    assert y.shape == (4, c_out, SIZE // stride, SIZE // stride)
    (y * noise(*y.shape, seed=1)).sum().backward()
    dead = [key for key, p in block.named_parameters() if not p.grad.abs().sum() > 0]
    assert not dead
    # Training moved the batch-norm statistics, so that folding them into the weights shows.
    session = onnxruntime.InferenceSession(quick_onnx(block, (1, 32, SIZE, SIZE)))
    (exported,) = session.run(None, {session.get_inputs()[0].name: x[:1].detach().numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(exported, block(x[:1]).numpy(), atol=1e-5)
    free = name == "skip" and stride == 1
    assert (count(block, (1, 32, SIZE, SIZE)).macs > 0) != free


def test_a_net_of_blocks_that_nni_lacks_is_exported() -> None:
    choice = ("sep_k7", "gh_k7", "mb_k7_e6_res_se", "mb_k3_e3_res_d2")
    stage = StageParams(ops=choice, layer_num=len(choice), channels=32, stride=2)
    net = build_subnet(SpaceParams(stages=(stage,)), 68, choice, size=32)
    images = noise(4, 3, 32, 32)
    net(images)
    session = onnxruntime.InferenceSession(export_onnx(net, 32, 68, {}))
    (exported,) = session.run(None, {"image": images.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(exported, net.eval()(images)[0].numpy(), atol=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", OTHERS)
def test_blocks_have_the_same_gradients_in_the_fast_form(name: str, stride: int) -> None:
    gradients = []
    for change in (nn.Module.train, optimize_for_cpu):
        block = change(built(name, 32, stride).double())
        x = noise(2, 32, SIZE, SIZE).double().requires_grad_()
        y = block(x)
        (y * noise(*y.shape, seed=1).double()).sum().backward()
        gradients.append([x.grad, *(p.grad for p in block.parameters())])
    for fast, plain in zip(*reversed(gradients), strict=True):
        torch.testing.assert_close(fast, plain)


def test_macs_of_a_block_that_nni_lacks() -> None:
    pixels, middle = SIZE * SIZE, 6 * 32
    convs = pixels * middle * (32 + 7 * 7 + 32)
    gate = middle * pixels + middle * middle
    block = BLOCKS["mb_k7_e6_res_se"](32, 32, 1, SIZE)
    assert count(block, (1, 32, SIZE, SIZE)).macs == convs + gate


def test_a_name_says_how_the_block_is_built() -> None:
    block = BLOCKS["mb_k7_e6_res_se"](32, 32, 1, SIZE)
    depthwise = block.ir_block[4]
    assert (depthwise.kernel_size, depthwise.out_channels) == ((7, 7), 6 * 32)
    assert block.residual and not isinstance(block.ir_block[6], nn.Identity)
    dilated = [BLOCKS[name](32, 32, 1, SIZE) for name in ("mb_k5_d3", "mb_k5_e1_d3", "mb_k5_d1")]
    convs = [block.ir_block[4] for block in dilated]
    # NNI's dilated blocks expand by 2 where the name says nothing.
    assert [c.out_channels for c in convs] == [64, 32, 32]
    assert [c.dilation for c in convs] == [(3, 3), (3, 3), (1, 1)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mb_k4", "block 'mb_k4': kernel 4; take one of 1, 3, 5, 7, 9, 11$"),
        ("sep_k13", "kernel 13; take one of"),
        ("gh_k0", "kernel 0; take one of"),
        ("mb_k3_e13", "expand 13; take one of 1, 2, 3"),
        ("mb_k3_d5", "dilation 5; take one of 1, 2, 3, 4$"),
        ("mb_k3_rs", "unknown block 'mb_k3_rs'; did you mean 'mb_k3_res'"),
        ("mb_k3_d2_res", "unknown block"),
        ("mb_k03", "unknown block"),
        ("sep", r"forms of names: skip, .*, sep_k\{kernel\}, .*; example: mb_k7_e6_res_se$"),
    ],
)
def test_other_names_are_refused_in_one_line(name: str, message: str) -> None:
    for look_up in (BLOCKS.check, BLOCKS.__getitem__):
        with pytest.raises(BadInput, match=message) as error:
            look_up(name)
        assert "\n" not in str(error.value)


def test_a_block_from_outside_is_searched() -> None:
    def grouped(c_in: int, c_out: int, stride: int, size: int, *, groups: int = 1) -> nn.Module:
        return nn.Conv2d(c_in, c_out, 3, stride, 1, groups=groups)

    BLOCKS.register("grouped[_g{groups}]", grouped)
    stage = StageParams(ops=("skip", "grouped", "grouped_g4"), layer_num=2, channels=16, stride=2)
    net = build_supernet(SpaceParams(stages=(stage,)), points=68, size=32)
    landmarks, _ = net(noise(2, 3, 32, 32), [torch.full((3,), 1 / 3)] * 2)
    assert landmarks.shape == (2, 68, 2)
    assert net.layers[0].blocks["grouped_g4"].groups == 4
    for taken in ("grouped[_g{groups}]", "grouped_g2", "skip", "mb_k3"):
        with pytest.raises(ValueError, match="exists already"):
            BLOCKS.register(taken, grouped)


def test_the_builder_may_be_named_and_the_name_plain() -> None:
    table = BlockTable({"same": "torch.nn:Identity"}, example="same")
    assert isinstance(table["same"](8, 8, 1, SIZE), nn.Identity)
    with pytest.raises(BadInput, match="did you mean 'same'"):
        table.check("sane")


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_dilation_keeps_the_maps_size(kernel: int, dilation: int) -> None:
    block = MBBlock(8, 8, 1, SIZE, middle=8, kernel=kernel, dilation=dilation, residual=True)
    assert block(noise(2, 8, SIZE, SIZE)).shape == (2, 8, SIZE, SIZE)


@pytest.mark.parametrize("training", [True, False])
def test_skip_drops_nothing(training: bool) -> None:
    x = noise(2, 8, 5, 5)
    assert torch.equal(Identity(8, 8, 1).train(training)(x), x)


def test_a_residual_between_different_widths_is_left_out() -> None:
    block = BLOCKS["mb_k3_res"](32, 64, 1, SIZE)
    assert block(noise(2, 32, SIZE, SIZE)).shape == (2, 64, SIZE, SIZE)


def test_weights_depend_on_the_seed_and_leave_the_global_generator_alone() -> None:
    first, second, other = (BLOCKS["sep_k3"](8, 8, 1, 4) for _ in range(3))
    state = torch.get_rng_state()
    for block, seed in ((first, 1), (second, 1), (other, 2)):
        initialise(block, seed)
    assert torch.equal(torch.get_rng_state(), state)
    weights = [next(block.parameters()) for block in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
