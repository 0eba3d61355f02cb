"""How the cost of hardware enters the search: in the loss, or as a budget on the chosen net."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fbnet.costs.lut import Lut, cost_range
from fbnet.costs.pareto import pareto_front
from fbnet.errors import BadInput
from fbnet.params import TARGETS, SearchParams

UNITS = {"ms": "latency", "MACs": "macs"}
"""Unit of a table -> the `search.cost` that it serves."""
ROUNDING = 1e-9
"""Share by which sums of the same costs in another order may differ."""
LEAST = 1e-6
"""Cost below which the term is flat, as a share of the reference: a root is endlessly steep at 0,
where a net of free blocks costs nothing."""
Partial = tuple[float, float, tuple[int, ...]]
"""(cost, minus log probability, number of the block in each layer so far)."""


def total_loss(loss: Tensor, cost: Tensor, reference: float, params: SearchParams) -> Tensor:
    """Task loss and cost in one scalar.

    With r = cost / reference, the expected cost at uniform probabilities:

    - mul: loss * alpha * ln(1 + (e - 1) r)^beta
    - add: loss + alpha * r^beta
    - target: loss; `constrained_gradients` keeps the cost within the budget

    FBNet (arXiv 1812.03443, eq. 6) has loss * alpha * ln(cost)^beta, which depends on the unit and
    is NaN for a cost below 1; here the logarithm is 1 at the reference and 0 at no cost. With
    `cost_form: nni` the terms are NNI's (fbnet/utils.py, RegularizerLoss) on the raw cost:
    mul: loss * alpha * ln(cost)^beta, add: loss + alpha * cost^beta.
    """
    if params.mode == "target":
        return loss
    term = cost_term(cost, reference, params)
    return loss * term if params.mode == "mul" else loss + term


def cost_term(cost: Tensor, reference: float, params: SearchParams) -> Tensor:
    """The factor (mul) or summand (add) that the cost contributes."""
    cost = cost.clamp(min=LEAST * reference)
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


@dataclass(frozen=True)
class Budget:
    """What the chosen net may cost (`search.mode: target`), in the unit of the cost table."""

    target: float
    """As params ask for."""
    limit: float
    """The largest predicted cost: the target less the table's own error."""


def budget(lut: Lut, params: SearchParams) -> Budget | None:
    """The budget that `params` set for nets costed by `lut`; None unless `mode` is target.

    limit = target / (1 + lut.error), so that a prediction within the limit that errs as the table
    does on average still meets the target. Raises BadInput, before any work, where the table has
    another unit than the target, or where even the cheapest net of the space is over the limit.
    """
    if params.mode != "target":
        return None
    key = f"search.{TARGETS[params.cost]}"
    if UNITS[lut.unit] != params.cost or params.target is None:
        raise BadInput(f"{key}: search.mode: target needs it, and a table in its unit")
    allowed = Budget(params.target, params.target / (1 + lut.error))
    floor, _ = cost_range(lut)
    if floor > allowed.limit:
        error = (
            f" ({floor * (1 + lut.error):.4g} with the table's error of {lut.error:.1%})"
            if lut.error
            else ""
        )
        raise BadInput(
            f"{key}: {allowed.target:.4g} {lut.unit} is below the space's floor: its cheapest net "
            f"costs {floor:.4g} by {lut.source}{error}; raise it, or add cheaper blocks to the "
            "space"
        )
    return allowed


def verdict(allowed: Budget, cost: float, lut: Lut) -> str:
    """Whether a net of `cost` (measured, or predicted with the table's error) meets its budget."""
    over = cost / allowed.target - 1
    if over <= 0:
        return f"{cost:.4g} {lut.unit} is within the budget of {allowed.target:.4g}"
    floor, _ = cost_range(lut)
    return (
        f"{cost:.4g} {lut.unit} is OVER the budget of {allowed.target:.4g} by {over:.1%}; the "
        f"cheapest net of the space costs {floor:.4g} by the table"
    )


def fits(cost: float, limit: float) -> bool:
    """Whether a cost is within a limit, sums' rounding aside."""
    return cost <= limit * (1 + ROUNDING)


def constrained_gradients(
    loss_gradients: Sequence[Tensor],
    cost_gradients: Sequence[Tensor],
    over: bool | Tensor,
    weight: float,
) -> list[Tensor]:
    """Gradients of the architecture step under a budget: d loss + weight |d loss|/|d cost| d cost.

    The second part is there while the expected cost is over the limit; within it accuracy alone
    counts (Polyak's switching subgradient method, 1967). `weight` > 1 lets the cost win where they
    disagree. The cost's part is as large as the loss's by construction: a plain penalty swamps
    Adam's second moment while masks are soft, and loses to their steep gradients when they harden.
    """
    loss_norm, cost_norm = (
        torch.cat([part.flatten() for part in parts]).norm()
        for parts in (loss_gradients, cost_gradients)
    )
    # Tensors all the way: on a GPU nothing here waits for the device.
    felt = torch.as_tensor(over, device=cost_norm.device) & (cost_norm != 0)
    scale = torch.where(felt, weight * loss_norm / cost_norm, 0.0)
    pairs = zip(loss_gradients, cost_gradients, strict=True)
    return [loss + scale * cost for loss, cost in pairs]


def likeliest_within(
    log_probabilities: Sequence[np.ndarray], lut: Lut, limit: float
) -> tuple[str, ...] | None:
    """The most probable architecture whose cost by `lut` is at most `limit`; None if none is.

    log_probabilities: per layer one value a block, in the table's order. Exact: layer by layer,
    partial choices that cost more and are no likelier than another are dropped (Nemhauser and
    Ullmann's method for the knapsack problem, 1969). Equal ones go by the order of the blocks.
    """
    front: list[Partial] = [(lut.fixed, 0.0, ())]
    layers = [list(layer.values()) for layer in lut.layers]
    rest = [sum(map(min, layers[i + 1 :])) for i in range(len(layers))]
    for costs, logs, cheapest_rest in zip(layers, log_probabilities, rest, strict=True):
        entries: Iterator[Partial] = (
            (cost + c, minus - float(p), (*picks, j))
            for cost, minus, picks in front
            for j, (c, p) in enumerate(zip(costs, logs, strict=True))
            if fits(cost + c + cheapest_rest, limit)
        )
        front = pareto_front(entries, key=lambda entry: entry)
    if not front:
        return None
    _, _, picks = min(front, key=lambda entry: entry[1])
    return tuple(list(layer)[j] for layer, j in zip(lut.layers, picks, strict=True))
