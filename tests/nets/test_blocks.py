import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from fbnet.costs.macs import count
from fbnet.costs.measure import quick_onnx
from fbnet.nets.blocks import BLOCKS, Identity, MBBlock, initialise
from fbnet.params import BLOCK_NAMES

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/nni_blocks.json").read_text())
SIZE = 14


def built(name: str, c_out: int, stride: int) -> nn.Module:
    block = BLOCKS[name](32, c_out, stride, SIZE)
    initialise(block, seed=0)
    return block


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_the_table_covers_the_names_that_params_accept() -> None:
    assert tuple(BLOCKS) == BLOCK_NAMES
    assert {record["block"] for record in GOLDEN} == set(BLOCKS)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda g: f"{g['block']}-s{g['stride']}")
def test_blocks_have_the_seeds_keys_and_shapes(golden: dict) -> None:
    block = built(golden["block"], golden["c_out"], golden["stride"])
    assert {k: list(v.shape) for k, v in block.state_dict().items()} == golden["keys"]
    assert sum(p.numel() for p in block.parameters()) == golden["parameters"]
    assert list(block.eval()(noise(1, 32, SIZE, SIZE)).shape) == golden["out"]


@pytest.mark.parametrize(("c_out", "stride"), [(32, 1), (64, 2)])
@pytest.mark.parametrize("name", BLOCK_NAMES)
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


def test_weights_hang_on_the_seed_and_leave_the_global_generator_alone() -> None:
    first, second, other = (BLOCKS["sep_k3"](8, 8, 1, 4) for _ in range(3))
    state = torch.get_rng_state()
    for block, seed in ((first, 1), (second, 1), (other, 2)):
        initialise(block, seed)
    assert torch.equal(torch.get_rng_state(), state)
    weights = [next(block.parameters()) for block in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
