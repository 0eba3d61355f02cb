from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fbnet.costs.lut import Lut, expected_cost
from fbnet.nets.pfld import build_subnet
from fbnet.params import NNI_SPACE, SpaceParams, StageParams
from fbnet.search.supernet import (
    ArchitectureParameters,
    MixedOp,
    build_supernet,
    draw_masks,
    entropy,
    inherit,
    probabilities,
)

GOLDEN = Path(__file__).parents[1] / "golden/nni_values.npz"
SMALL = SpaceParams(
    stages=(
        StageParams(ops=("sep_k3", "gh_k3"), layer_num=1, channels=32, stride=1),
        StageParams(ops=("mb_k3", "skip", "gh_k5"), layer_num=2, channels=16, stride=2),
        StageParams(ops=("mb_k3_res_se",), layer_num=1, channels=24, stride=1),
    )
)
CHOICE = ("gh_k3", "skip", "gh_k5", "mb_k3_res_se")
SIZE = 32


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def crops(batch: int) -> torch.Tensor:
    return torch.rand((batch, 3, SIZE, SIZE), generator=generator(0))


@pytest.fixture
def alphas() -> list[torch.Tensor]:
    return [torch.randn(n, generator=generator(n)).requires_grad_() for n in (9, 9, 3)]


class Constant(nn.Module):
    """Gives its number and counts its calls."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return torch.full_like(x, self.number)


def constants(*numbers: float) -> MixedOp:
    return MixedOp({f"b{i}": Constant(number) for i, number in enumerate(numbers)})


def calls(op: MixedOp) -> list[int]:
    return [block.calls for block in op.blocks.values()]


def one_hot_masks() -> list[torch.Tensor]:
    """Masks of `SMALL` that pick the blocks of `CHOICE`."""
    picks = zip(SMALL.layer_ops, CHOICE, strict=True)
    return [torch.eye(len(ops))[ops.index(block)] for ops, block in picks]


def formula_weights(net: nn.Module) -> None:
    """Fill all floating tensors of `net` with sines, the same with every version of torch."""
    for number, (name, tensor) in enumerate(net.state_dict().items()):
        if not tensor.is_floating_point():
            continue
        wave = torch.sin(torch.arange(tensor.numel(), dtype=torch.float64) * 1.7 + number)
        if tensor.dim() > 1:
            values = 1.5 * wave / tensor[0].numel() ** 0.5
        else:  # batch norm's scale and variance stay positive
            values = 0.5 * wave + name.endswith(("running_var", ".weight"))
        tensor.copy_(values.reshape(tensor.shape))


@torch.no_grad()
def test_nni_space_under_recorded_masks() -> None:
    values = np.load(GOLDEN)
    supernet = build_supernet(NNI_SPACE, 106).eval()
    formula_weights(supernet)
    masks = [torch.from_numpy(mask) for mask in values["masks"]]
    landmarks, _ = supernet(torch.from_numpy(values["input"]), masks)
    np.testing.assert_allclose(landmarks.numpy(), values["formula_landmarks"], atol=1e-4)


def test_a_soft_mask_sums_all_blocks() -> None:
    op = constants(1.0, 10.0, 100.0)
    mask = torch.tensor([0.5, 0.3, 0.2], requires_grad=True)
    y = op(torch.zeros(1, 1, 1, 1), mask)
    assert y.item() == pytest.approx(23.5)
    y.sum().backward()
    assert mask.grad.tolist() == [1.0, 10.0, 100.0]


def test_a_mask_of_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="3 blocks"):
        constants(1, 2, 3)(torch.zeros(1), torch.ones(2))


def test_a_hard_mask_without_gradient_runs_the_chosen_block_alone() -> None:
    op = constants(1.0, 10.0, 100.0).eval()
    assert op(torch.zeros(1), torch.tensor([0.0, 1.0, 0.0])).item() == 10.0
    assert calls(op) == [0, 1, 0]
    op(torch.zeros(1), torch.tensor([0.5, 0.5, 0.0]))
    assert calls(op) == [1, 2, 0]


def test_a_hard_mask_with_gradient_runs_every_block() -> None:
    op = constants(1.0, 10.0)
    mask = torch.tensor([0.0, 1.0], requires_grad=True)
    op(torch.zeros(1, 1, 1, 1), mask).backward()
    assert calls(op) == [1, 1]
    assert mask.grad.tolist() == [1.0, 10.0]


def test_output_and_cost_feel_the_same_draw() -> None:
    # Blocks that give their own cost: the output is the cost exactly if both use one mask. NNI
    # draws twice, and then the two are hardly correlated.
    numbers = [5.0, 1.0, 9.0, 2.0]
    op = constants(*numbers)
    lut = Lut("ms", ({f"b{i}": number for i, number in enumerate(numbers)},), 0.0, "test")
    alphas = [torch.zeros(4)]
    rows = []
    for seed in range(300):
        g = generator(seed)
        masks, others = draw_masks(alphas, 0.5, g), draw_masks(alphas, 0.5, g)
        output = op(torch.zeros(1), masks[0]).item()
        rows.append([output, expected_cost(lut, masks).item(), expected_cost(lut, others).item()])
    output, same, other = np.array(rows).T
    np.testing.assert_allclose(output, same, rtol=1e-5)
    assert abs(np.corrcoef(output, other)[0, 1]) < 0.2


def test_evaluation_is_deterministic() -> None:
    supernet = build_supernet(SMALL, 68, SIZE).eval()
    masks = one_hot_masks()
    state = torch.get_rng_state()
    with torch.no_grad():
        first, second = (supernet(crops(2), masks)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("alphas_first", [True, False])
def test_no_optimiser_of_the_net_can_see_the_alphas(alphas_first: bool) -> None:
    # In NNI they are left out only if the optimiser is built before the mutator.
    if alphas_first:
        alphas = ArchitectureParameters(SMALL)
        supernet = build_supernet(SMALL, 68, SIZE)
    else:
        supernet = build_supernet(SMALL, 68, SIZE)
        alphas = ArchitectureParameters(SMALL)
    own = {id(p) for p in alphas.parameters()}
    assert len(own) == 4
    supernet(crops(2), draw_masks(alphas.alphas, 1.0, generator(0)))[0].sum().backward()
    assert own.isdisjoint(id(p) for p in supernet.parameters())
    assert own.isdisjoint(id(t) for t in supernet.state_dict().values())
    # The last layer has one candidate, so nothing to learn.
    assert [bool(p.grad.abs().sum() > 0) for p in alphas.parameters()] == [True] * 3 + [False]


def test_alphas_start_uniform() -> None:
    alphas = ArchitectureParameters(SMALL)
    assert alphas.alphas[1].tolist() == pytest.approx([1 / 3] * 3)
    assert probabilities(alphas.alphas)[0].tolist() == pytest.approx([0.5, 0.5])
    assert entropy(alphas.alphas) == pytest.approx([1.0, 1.0, 1.0, 0.0])
    with torch.no_grad():
        alphas.alphas[1][2] = 30.0
    assert alphas.best()[1] == "gh_k5"
    assert entropy(alphas.alphas)[1] < 0.01


@pytest.mark.parametrize("hard", [True, False])
def test_draws_are_keyed_by_the_generator(alphas: list[torch.Tensor], hard: bool) -> None:
    state = torch.get_rng_state()
    first, again = (draw_masks(alphas, 1.0, generator(3), hard) for _ in range(2))
    other = draw_masks(alphas, 1.0, generator(4), hard)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert torch.equal(torch.get_rng_state(), state)
    assert [m.sum().item() for m in first] == pytest.approx([1.0] * 3)


def test_hard_draws_are_one_hot_with_the_soft_gradient(alphas: list[torch.Tensor]) -> None:
    weights = torch.arange(9.0)
    gradients = []
    for hard in (True, False):
        mask = draw_masks(alphas[:1], 0.7, generator(1), hard)[0]
        gradients.append(torch.autograd.grad(mask @ weights, alphas[0])[0])
        if hard:
            assert sorted(mask.tolist()) == [0.0] * 8 + [1.0]
    torch.testing.assert_close(gradients[0], gradients[1])


def test_few_paths_share_the_weight_and_the_gradient(alphas: list[torch.Tensor]) -> None:
    whole = draw_masks(alphas, 0.7, generator(1))
    masks = draw_masks(alphas, 0.7, generator(1), paths=2)
    for mask, full, alpha in zip(masks, whole, alphas, strict=True):
        kept = full.topk(2).indices.sort().values
        assert torch.equal(mask.nonzero().flatten(), kept)
        torch.testing.assert_close(mask[kept], full[kept] / full[kept].sum())
        (gradient,) = torch.autograd.grad(mask @ torch.arange(float(len(mask))), alpha)
        assert torch.equal(gradient.nonzero().flatten(), kept)


def test_blocks_off_the_paths_are_not_computed(alphas: list[torch.Tensor]) -> None:
    op = constants(*range(9))
    mask = draw_masks(alphas[:1], 1.0, generator(2), paths=2)[0]
    op(torch.zeros(1, 1, 1, 1), mask).sum().backward()
    assert calls(op) == [int(weight != 0) for weight in mask]
    assert sum(calls(op)) == 2


def test_no_gradient_is_lost_with_a_block_of_weight_zero() -> None:
    # So cold a softmax leaves some blocks exactly nothing, and they are not computed.
    alpha, values = torch.tensor([1.0, 0.9, -200.0], requires_grad=True), [3.0, 5.0, 70.0]
    op, x = constants(*values), torch.zeros(1, 1, 1, 1)
    mask = torch.softmax(alpha, 0)
    (found,) = torch.autograd.grad(op(x, mask).sum(), alpha, retain_graph=True)
    (expected,) = torch.autograd.grad(mask @ torch.tensor(values), alpha)
    torch.testing.assert_close(found, expected)
    assert calls(op) == [1, 1, 0]


def test_draws_follow_the_distribution() -> None:
    alpha = torch.tensor([0.0, 1.0, 2.0])
    g = generator(0)
    winners = [int(draw_masks([alpha], 1.0, g)[0].argmax()) for _ in range(4000)]
    shares = np.bincount(winners) / len(winners)
    np.testing.assert_allclose(shares, torch.softmax(alpha, 0).numpy(), atol=0.03)


@pytest.mark.parametrize("temperature", [1e-4, 1e4])
def test_extreme_temperatures_give_no_nan(alphas: list[torch.Tensor], temperature: float) -> None:
    masks = draw_masks(alphas, temperature, generator(0))
    grads = torch.autograd.grad(sum(m[0] for m in masks), alphas)
    assert all(torch.isfinite(t).all() for t in [*masks, *grads])


def test_no_temperature_is_an_error(alphas: list[torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="positive"):
        draw_masks(alphas, 0.0, generator(0))


def test_the_layers_of_three_stages_hold_their_own_blocks() -> None:
    supernet = build_supernet(SMALL, 68, SIZE)
    assert [tuple(layer.blocks) for layer in supernet.layers] == list(SMALL.layer_ops)


@torch.no_grad()
def test_a_subnet_inherits_what_the_supernet_computes() -> None:
    supernet = build_supernet(SMALL, 68, SIZE, seed=1)
    supernet(crops(4), draw_masks(ArchitectureParameters(SMALL).alphas, 1.0, generator(0)))
    subnet = build_subnet(SMALL, 68, CHOICE, SIZE, seed=2)
    copied, total = inherit(supernet, subnet, CHOICE)
    assert copied == total == len(subnet.state_dict())
    expected = supernet.eval()(crops(2), one_hot_masks())[0]
    torch.testing.assert_close(subnet.eval()(crops(2))[0], expected)
    supernet.fc.weight.zero_()
    assert subnet.fc.weight.abs().sum() > 0


def test_another_number_of_points_keeps_the_fresh_last_layer() -> None:
    supernet = build_supernet(SMALL, 68, SIZE)
    subnet = build_subnet(SMALL, 98, CHOICE, SIZE)
    fresh = subnet.fc.weight.clone()
    copied, total = inherit(supernet, subnet, CHOICE)
    assert copied == total - 2
    assert torch.equal(subnet.fc.weight, fresh)
