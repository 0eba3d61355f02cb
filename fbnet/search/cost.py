"""How the cost of hardware enters the loss of the architecture step."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from fbnet.costs.lut import Lut, cost_range
from fbnet.errors import BadInput
from fbnet.params import SearchParams


def total_loss(loss: Tensor, cost: Tensor, reference: float, params: SearchParams) -> Tensor:
    """Task loss and cost in one scalar.

    With r = cost / reference, the expected cost at uniform probabilities:

    - mul: loss * alpha * ln(1 + (e - 1) r)^beta
    - add: loss + alpha * r^beta
    - target: loss; `constrained_gradients` keeps the cost within the budget

    FBNet (arXiv 1812.03443, eq. 6) has loss * alpha * ln(cost)^beta, which hangs on the unit and is
    NaN for a cost below 1; here the logarithm is 1 at the reference and 0 at no cost. With
    `cost_form: nni` the terms are NNI's (fbnet/utils.py, RegularizerLoss) on the raw cost:
    mul: loss * alpha * ln(cost)^beta, add: loss + alpha * cost^beta.
    """
    if params.mode == "target":
        return loss
    term = cost_term(cost, reference, params)
    return loss * term if params.mode == "mul" else loss + term


def constrained_gradients(
    slopes: Sequence[Tensor], cost_slopes: Sequence[Tensor], over: bool, weight: float
) -> list[Tensor]:
    """Gradients of the architecture step under a budget: d loss + weight |d loss|/|d cost| d cost.

    The second part is there while the expected cost is over the limit; within it accuracy alone
    counts (Polyak's switching subgradient method, 1967). `weight` > 1 lets the cost win where they
    disagree. The cost's part is as large as the loss's by construction: a plain penalty swamps
    Adam's second moment while masks are soft, and loses to their steep gradients when they harden.
    """
    steepness = _norm(cost_slopes)
    if not over or steepness == 0:
        return list(slopes)
    scale = weight * _norm(slopes) / steepness
    return [slope + scale * cost for slope, cost in zip(slopes, cost_slopes, strict=True)]


def _norm(parts: Sequence[Tensor]) -> float:
    return float(torch.cat([part.flatten() for part in parts]).norm())


def cost_term(cost: Tensor, reference: float, params: SearchParams) -> Tensor:
    """The factor (mul) or summand (add) that the cost contributes."""
    if params.cost_form == "nni":
        base = torch.log(cost) if params.mode == "mul" else cost
    else:
        ratio = cost / reference
        base = torch.log1p((math.e - 1) * ratio) if params.mode == "mul" else ratio
    return params.alpha * base**params.beta


def check_cost_form(lut: Lut, params: SearchParams) -> None:
    """Raise BadInput where NNI's logarithm would leave its domain on this table."""
    cheapest, _ = cost_range(lut)
    if params.cost_form == "nni" and params.mode == "mul" and cheapest <= 1:
        raise BadInput(
            f"search.cost_form: nni takes ln(cost), and {lut.source} goes down to {cheapest:.3g} "
            f"{lut.unit}; use search.cost: macs or search.cost_form: normalised"
        )
