"""Architectures of a space drawn over its whole range of costs."""

from collections.abc import Iterator

import numpy as np

from fbnet.costs.lut import Lut

REACH = 8.0
"""Strongest tilt of the draws, in standard deviations of a uniform choice's cost."""


def extremes(lut: Lut) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The cheapest and the costliest architecture."""
    return (
        tuple(min(layer, key=layer.__getitem__) for layer in lut.layers),
        tuple(max(layer, key=layer.__getitem__) for layer in lut.layers),
    )


def draws(lut: Lut, count: int, seed: int) -> Iterator[tuple[str, ...]]:
    """`count` random architectures whose costs reach the ends of the range.

    Uniform choices gather in the middle, so each draw favours cheap or costly blocks by an
    exponential tilt of its own: p(block) ~ exp(-t cost). A net's probability then depends on its
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
