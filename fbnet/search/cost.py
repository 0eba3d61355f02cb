"""How the cost of hardware enters the loss of the architecture step."""

import math

import torch
from torch import Tensor

from fbnet.errors import BadInput
from fbnet.params import SearchParams
from fbnet.search.lut import Lut, cost_range


def total_loss(loss: Tensor, cost: Tensor, reference: float, params: SearchParams) -> Tensor:
    """Task loss and cost in one scalar.

    With r = cost / reference (the expected cost at uniform probabilities):

    - mul: loss * alpha * ln(1 + (e - 1) r)^beta
    - add: loss + alpha * r^beta

    FBNet (arXiv 1812.03443, eq. 6) has loss * alpha * ln(cost)^beta, which hangs on the unit and is
    NaN for a cost below 1; here the logarithm is 1 at the reference and 0 at no cost. With
    `cost_form: seed` the terms are the seed's (fbnet/utils.py, RegularizerLoss) on the raw cost:
    mul: loss * alpha * ln(cost)^beta, add: loss + alpha * cost^beta.
    """
    term = cost_term(cost, reference, params)
    return loss * term if params.mode == "mul" else loss + term


def cost_term(cost: Tensor, reference: float, params: SearchParams) -> Tensor:
    """The factor (mul) or summand (add) that the cost contributes."""
    if params.cost_form == "seed":
        base = torch.log(cost) if params.mode == "mul" else cost
    else:
        ratio = cost / reference
        base = torch.log1p((math.e - 1) * ratio) if params.mode == "mul" else ratio
    return params.alpha * base**params.beta


def check_cost_form(lut: Lut, params: SearchParams) -> None:
    """Raise BadInput where the seed's logarithm would leave its domain on this table."""
    cheapest, _ = cost_range(lut)
    if params.cost_form == "seed" and params.mode == "mul" and cheapest <= 1:
        raise BadInput(
            f"search.cost_form: seed takes ln(cost), and {lut.source} goes down to {cheapest:.3g} "
            f"{lut.unit}; use search.cost: macs or search.cost_form: normalised"
        )
