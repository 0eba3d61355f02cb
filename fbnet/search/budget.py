"""A budget on the cost of the chosen net (`search.mode: target`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fbnet.costs.lut import Lut, cost_range
from fbnet.errors import BadInput
from fbnet.params import TARGETS, SearchParams

UNITS = {"ms": "latency", "MACs": "macs"}
"""Unit of a table -> the `search.cost` that it serves."""
ROUNDING = 1e-9
"""Share by which sums of the same costs in another order may differ."""
Partial = tuple[float, float, tuple[int, ...]]
"""(cost, minus log probability, number of the block in each layer so far)."""


@dataclass(frozen=True)
class Budget:
    """What the chosen net may cost, in the unit of the cost table."""

    target: float
    """As asked for."""
    limit: float
    """The largest predicted cost: the target less what the table is known to err by."""


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
    found = Budget(params.target, params.target / (1 + lut.error))
    floor, _ = cost_range(lut)
    if floor > found.limit:
        raise BadInput(
            f"{key}: {found.target:.4g} {lut.unit} is below the space's floor: its cheapest net "
            f"costs {floor:.4g} by {lut.source}{_with_error(lut, floor)}; raise it, or add cheaper "
            "blocks to the space"
        )
    return found


def verdict(found: Budget, cost: float, lut: Lut) -> str:
    """Whether a net of `cost` (measured, or predicted with the table's error) meets its budget."""
    over = cost / found.target - 1
    if over <= 0:
        return f"{cost:.4g} {lut.unit} is within the budget of {found.target:.4g}"
    floor, _ = cost_range(lut)
    return (
        f"{cost:.4g} {lut.unit} is OVER the budget of {found.target:.4g} by {over:.1%}; the "
        f"cheapest net of the space costs {floor:.4g} by the table"
    )


def _with_error(lut: Lut, cost: float) -> str:
    if not lut.error:
        return ""
    return f" ({cost * (1 + lut.error):.4g} with the table's error of {lut.error:.1%})"


def likeliest_within(
    log_probabilities: Sequence[np.ndarray], lut: Lut, limit: float
) -> tuple[str, ...] | None:
    """The most probable architecture whose cost by `lut` is at most `limit`; None if none is.

    log_probabilities: per layer one value a block, in the table's order. Exact: layer by layer,
    partial choices that are dearer and no likelier than another are dropped (Nemhauser and
    Ullmann's method for the knapsack problem, 1969). Equal ones go by the order of the blocks.
    """
    front: list[Partial] = [(lut.fixed, 0.0, ())]
    layers = [list(layer.values()) for layer in lut.layers]
    rest = [sum(map(min, layers[i + 1 :])) for i in range(len(layers))]
    for costs, logs, cheapest_rest in zip(layers, log_probabilities, rest, strict=True):
        front = _pareto(
            (cost + c, minus - float(p), (*picks, j))
            for cost, minus, picks in front
            for j, (c, p) in enumerate(zip(costs, logs, strict=True))
            if fits(cost + c + cheapest_rest, limit)
        )
    if not front:
        return None
    _, _, picks = min(front, key=lambda entry: entry[1])
    return tuple(list(layer)[j] for layer, j in zip(lut.layers, picks, strict=True))


def _pareto(entries: Iterable[Partial]) -> list[Partial]:
    """Entries (cost, minus log probability, choice) that no cheaper one matches."""
    kept, best = [], np.inf
    for entry in sorted(entries):
        if entry[1] < best:
            best = entry[1]
            kept.append(entry)
    return kept


def fits(cost: float, limit: float) -> bool:
    """Whether a cost is within a limit, sums' rounding aside."""
    return cost <= limit * (1 + ROUNDING)
