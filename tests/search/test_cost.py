import math
from pathlib import Path

import numpy as np
import pytest
import torch

from fbnet.costs.lut import Lut, cost_range, reference_cost
from fbnet.costs.macs import macs_table
from fbnet.errors import BadInput
from fbnet.params import NNI_SPACE, SearchParams
from fbnet.search.cost import check_cost_form, constrained_gradients, cost_term, total_loss

GOLDEN = Path(__file__).parents[1] / "golden/nni_values.npz"
LOSS = torch.tensor(3.0)


def params(mode: str, form: str = "normalised", beta: float = 0.6) -> SearchParams:
    return SearchParams(mode=mode, cost_form=form, alpha=0.25, beta=beta)


@pytest.fixture(scope="module")
def macs_lut() -> Lut:
    table = macs_table(NNI_SPACE, 106)
    layers = tuple(
        {b: float(layer["blocks"][b]["macs"]) for b in ops}
        for layer, ops in zip(table["layers"], NNI_SPACE.layer_ops, strict=True)
    )
    return Lut("MACs", layers, float(table["fixed"]["macs"]), "macs.json")


@pytest.mark.parametrize("mode", ["mul", "add"])
def test_the_seeds_formulas(mode: str) -> None:
    golden = float(np.load(GOLDEN)[f"reg_{mode}"])
    cost = torch.tensor(3.1e6)
    assert cost_term(cost, 1.0, params(mode, "nni")).item() == pytest.approx(golden, rel=1e-6)
    expected = 3.0 * golden if mode == "mul" else 3.0 + golden
    total = total_loss(LOSS, cost, 1.0, params(mode, "nni"))
    assert total.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("mode", "at_reference"), [("mul", 0.75), ("add", 3.25)])
@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e9])
def test_the_unit_does_not_matter(mode: str, at_reference: float, unit: float) -> None:
    at = total_loss(LOSS, torch.tensor(0.3 * unit), 0.3 * unit, params(mode))
    assert at.item() == pytest.approx(at_reference, rel=1e-5)
    cheap, costly = (
        total_loss(LOSS, torch.tensor(c * unit), 0.3 * unit, params(mode)).item()
        for c in (0.1, 0.9)
    )
    assert cheap < at_reference < costly
    half = math.log(1 + (math.e - 1) / 3) ** 0.6 * 0.75 if mode == "mul" else 3 + 0.25 / 3**0.6
    assert cheap == pytest.approx(half, rel=1e-5)


@pytest.mark.parametrize("mode", ["mul", "add"])
def test_beta_zero_leaves_the_cost_out(mode: str) -> None:
    terms = {cost_term(torch.tensor(c), 1.0, params(mode, beta=0.0)).item() for c in (0.5, 4.0)}
    assert terms == {0.25}


def test_over_the_budget_the_cost_is_the_steeper_within_it_nothing_but_the_loss_counts() -> None:
    loss, cost = [torch.tensor([3.0, 0.0]), torch.tensor([4.0])], [torch.ones(2), torch.ones(1)]
    within = constrained_gradients(loss, cost, False, 2.0)
    assert torch.cat(within).tolist() == torch.cat(loss).tolist()
    added = torch.cat(constrained_gradients(loss, cost, True, 2.0)) - torch.cat(loss)
    assert added.tolist() == pytest.approx([10 / 3**0.5] * 3)
    flat = [torch.zeros(2), torch.zeros(1)]  # all blocks cost the same: nothing to steer
    assert torch.cat(constrained_gradients(loss, flat, True, 2.0)).tolist() == [3, 0, 4]


def test_mul_feels_the_cost_across_the_space(macs_lut: Lut) -> None:
    # NNI's factor moves by 1.10 from the cheapest to the costliest net, on the searchable part.
    cheap, costly = cost_range(macs_lut)
    bare = [torch.tensor(c - macs_lut.fixed) for c in (cheap, costly)]
    seed = [cost_term(c, 1.0, params("mul", "nni")) for c in bare]
    assert (seed[1] / seed[0]).item() == pytest.approx(1.104, abs=0.002)
    reference = reference_cost(macs_lut)
    ours = [cost_term(torch.tensor(c), reference, params("mul")) for c in (cheap, costly)]
    assert (ours[1] / ours[0]).item() > 1.3


def test_the_cost_has_a_gradient_of_every_size() -> None:
    for cost in (1e-6, 0.3, 1e7):
        value = torch.tensor(cost, requires_grad=True)
        total_loss(LOSS, value, 0.3, params("mul")).backward()
        assert torch.isfinite(value.grad) and value.grad > 0


@pytest.mark.parametrize(("mode", "form"), [("mul", "normalised"), ("add", "normalised"),
                                            ("add", "nni")])  # fmt: skip
def test_a_net_that_costs_nothing_has_a_gradient(mode: str, form: str) -> None:
    """A draw of `skip` in every layer of a table without a fixed part."""
    cost = torch.zeros((), requires_grad=True)
    term = cost_term(cost, 3.0, params(mode, form))
    term.backward()
    assert cost.grad is not None and torch.isfinite(cost.grad) and torch.isfinite(term)


def test_the_seeds_logarithm_of_milliseconds_is_refused(macs_lut: Lut) -> None:
    milliseconds = Lut("ms", ({"sep_k3": 0.1, "sep_k5": 5.0},), 0.2, "latency.json")
    with pytest.raises(BadInput, match=r"goes down to 0\.3 ms; use search\.cost: macs"):
        check_cost_form(milliseconds, params("mul", "nni"))
    check_cost_form(milliseconds, params("add", "nni"))
    check_cost_form(milliseconds, params("mul"))
    check_cost_form(macs_lut, params("mul", "nni"))
