"""Architectures spread evenly over a space's costs, its two ends included."""

from collections.abc import Iterator

import numpy as np

from fbnet.costs.lut import Lut, cost_of, cost_range
from fbnet.errors import BadInput
from fbnet.search.sampling import Choice

REACH = 8.0
"""Strongest tilt of the draws, in standard deviations of a uniform choice's cost."""


def stratified(lut: Lut, count: int, pool: int, seed: int) -> list[Choice]:
    """The cheapest and the dearest architecture and one of each of `count` - 2 strata between.

    Strata have equal width in the table's cost; each takes the first of `pool` draws that falls
    into it. Cheapest first. Raises BadInput when a stratum stays empty.
    """
    low, high = cost_range(lut)
    width = (high - low) / (count - 2)
    found: dict[int, Choice] = {}
    ends = extremes(lut)
    for choice in draws(lut, pool, seed):
        stratum = min(int((cost_of(lut, choice) - low) / width), count - 3)
        if choice not in ends:
            found.setdefault(stratum, choice)
    if empty := set(range(count - 2)) - set(found):
        raise BadInput(
            f"sample.count: {len(empty)} of {count - 2} strata have no architecture among "
            f"{pool} draws; raise sample.pool or lower sample.count"
        )
    return [ends[0], *(found[i] for i in range(count - 2)), ends[1]]


def extremes(lut: Lut) -> tuple[Choice, Choice]:
    """The cheapest and the dearest architecture."""
    return (
        tuple(min(layer, key=layer.__getitem__) for layer in lut.layers),
        tuple(max(layer, key=layer.__getitem__) for layer in lut.layers),
    )


def draws(lut: Lut, count: int, seed: int) -> Iterator[Choice]:
    """`count` random architectures whose costs reach the ends of the range.

    Uniform choices gather in the middle, so each draw favours cheap or dear blocks by an
    exponential tilt of its own: p(block) ~ exp(-t cost). A net's probability then hangs on its
    cost alone, so nets of equal cost stay equally likely.
    """
    rng = np.random.default_rng([seed, 7])
    names = [list(layer) for layer in lut.layers]
    costs = [np.array(list(layer.values())) for layer in lut.layers]
    scale = np.sqrt(sum(c.var() for c in costs)) or 1.0
    tilts = rng.uniform(-REACH, REACH, count) / scale
    picks = [(rng.gumbel(size=(count, len(c))) - np.outer(tilts, c)).argmax(axis=1) for c in costs]
    for row in zip(*picks, strict=True):
        yield tuple(ops[j] for ops, j in zip(names, row, strict=True))
