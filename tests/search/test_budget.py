"""The budget: its limit, and the likeliest net within it, against trying all nets."""

from itertools import product

import numpy as np
import pytest

from fbnet.costs.lut import Lut, cost_of
from fbnet.params import SearchParams
from fbnet.search.cost import Budget, budget, likeliest_within, verdict


def drawn(seed: int, layers: int = 4, blocks: int = 5) -> tuple[Lut, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    costs = rng.uniform(0.1, 1, (layers, blocks)).round(2)  # rounded: equal sums occur
    table = tuple({f"b{j}": float(c) for j, c in enumerate(row)} for row in costs)
    logs = [np.log(rng.dirichlet(np.ones(blocks))) for _ in range(layers)]
    return Lut("ms", table, 0.3, "drawn"), logs


def log_probability(lut: Lut, logs: list[np.ndarray], choice: tuple[str, ...]) -> float:
    layers = zip(lut.layers, logs, choice, strict=True)
    return float(sum(row[list(layer).index(block)] for layer, row, block in layers))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("limit", [1.2, 1.8, 2.5, 9.0])
def test_the_exact_choice_is_that_of_trying_all(seed: int, limit: float) -> None:
    lut, logs = drawn(seed)
    within = [c for c in product(*lut.layers) if cost_of(lut, c) <= limit]
    likeliest = likeliest_within(logs, lut, limit)
    if not within:
        assert likeliest is None
        return
    assert likeliest is not None and cost_of(lut, likeliest) <= limit
    best = max(log_probability(lut, logs, choice) for choice in within)
    assert log_probability(lut, logs, likeliest) == pytest.approx(best)


def test_a_net_at_the_very_limit_counts() -> None:
    lut, logs = drawn(1)
    choice = ("b4", "b0", "b3", "b2")
    costs = [layer[block] for layer, block in zip(lut.layers, choice, strict=True)]
    for row, block in zip(logs, choice, strict=True):
        row[int(block[1])] = 0.0
    assert likeliest_within(logs, lut, sum(reversed(costs)) + 0.3) == choice


def test_many_layers_are_solved_at_once() -> None:
    lut, logs = drawn(3, layers=22, blocks=9)  # FBNet's: 9^22 nets
    likeliest = likeliest_within(logs, lut, 8.0)
    assert likeliest is not None and 7.8 < cost_of(lut, likeliest) <= 8.0


def test_the_limit_leaves_room_for_the_tables_error() -> None:
    lut = Lut("ms", ({"a": 1.0, "b": 5.0},), 1.0, "x", error=0.25)
    params = SearchParams(mode="target", target_ms=5.0)
    assert budget(lut, params) == Budget(target=5.0, limit=4.0)
    assert budget(lut, SearchParams()) is None


def test_the_verdict_says_by_how_much_and_what_the_floor_is() -> None:
    lut = Lut("ms", ({"a": 1.0, "b": 5.0},), 1.0, "x")
    allowed = Budget(target=4.0, limit=4.0)
    assert verdict(allowed, 4.0, lut) == "4 ms is within the budget of 4"
    assert verdict(allowed, 4.4, lut).startswith(
        "4.4 ms is OVER the budget of 4 by 10.0%; the cheap"
    )
    assert verdict(allowed, 4.4, lut).endswith("net of the space costs 2 by the table")
