"""Ridge regression from what an architecture is made of to how good it was."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fbnet.costs.lut import Lut, cost_of

PENALTIES = tuple(float(x) for x in np.logspace(-2, 4, 25))
"""Penalties of which leave-one-out takes the best; features have a standard deviation of 1."""


def attributes(lut: Lut, choices: Sequence[Sequence[str]]) -> np.ndarray:
    """Features [N, F] of architectures: words of the blocks' names by layer, cost and its square.

    `mb_k5_e2_res` has the words mb, k5, e2 and res: kind, kernel, expansion, a sum around it. So
    blocks that were seldom trained borrow from their relatives.
    """
    words = [sorted({w for name in layer for w in name.split("_")}) for layer in lut.layers]
    costs = np.array([cost_of(lut, choice) for choice in choices])
    columns = [
        np.array([word in choice[i].split("_") for choice in choices], dtype=np.float64)
        for i, layer in enumerate(words)
        for word in layer
    ]
    return np.stack([*columns, costs, costs**2], axis=1)


@dataclass(frozen=True)
class Ridge:
    """A fitted ridge regression of standardised features."""

    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    intercept: float
    errors: np.ndarray
    """Of each architecture of the fit [N], predicted without it, less its own value."""

    @classmethod
    def fit(cls, features: np.ndarray, values: np.ndarray) -> "Ridge":
        """Fit values [N] to features [N, F], with the penalty of the least leave-one-out error.

        Exact for every penalty by one singular value decomposition: the error without a row is its
        residual / (1 - leverage) (Allen's PRESS).
        """
        centre, spread = features.mean(axis=0), features.std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        mean = float(values.mean())
        left, singular, right = np.linalg.svd((features - centre) / scale, full_matrices=False)
        projected = left.T @ (values - mean)

        def without(penalty: float) -> np.ndarray:
            shrunk = singular**2 / (singular**2 + penalty)
            # The intercept takes 1 / N of every row's leverage.
            leverage = 1 / len(values) + (left**2) @ shrunk
            residual = left @ (shrunk * projected) - (values - mean)
            return residual / np.maximum(1 - leverage, 1e-9)

        penalty = min(PENALTIES, key=lambda each: float((without(each) ** 2).mean()))
        weights = right.T @ (singular / (singular**2 + penalty) * projected)
        return cls(centre, scale, weights, mean, without(penalty))

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Values [N] of features [N, F]."""
        return self.intercept + (features - self.centre) / self.scale @ self.weights
