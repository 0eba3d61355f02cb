"""The regression: attributes of blocks, the penalty by leave-one-out, what it predicts."""

import numpy as np
import pytest

from fbnet.costs.lut import Lut
from fbnet.search.ridge import PENALTIES, Ridge, attributes

LUT = Lut(
    "MACs", ({"mb_k3": 2.0, "mb_k5": 3.0, "skip": 0.0}, {"gh_k3": 1.0, "gh_k5": 4.0}), 1.0, ""
)


def test_attributes_are_the_words_of_each_layer_the_cost_and_its_square():
    rows = attributes(LUT, [("mb_k5", "gh_k3"), ("skip", "gh_k5")])
    # k3 k5 mb skip | gh k3 k5 | cost
    assert rows.tolist() == [[0, 1, 1, 0, 1, 1, 0, 5, 25], [0, 0, 0, 1, 1, 0, 1, 5, 25]]


def test_a_linear_relation_is_recovered():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 5)) * [1, 10, 100, 1, 1] + 3
    values = features @ [1.0, -0.2, 0.01, 0.0, 2.0] + 0.5
    ridge = Ridge.fit(features, values)
    assert ridge.predict(features) == pytest.approx(values, abs=0.02)


def test_errors_are_those_of_a_fit_without_the_row():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(12, 30))
    values = features[:, 0] + 0.3 * rng.normal(size=12)
    ridge = Ridge.fit(features, values)
    best = min(PENALTIES, key=lambda each: (_left_out(features, values, each) ** 2).mean())
    assert ridge.errors == pytest.approx(_left_out(features, values, best), abs=1e-9)


def _left_out(features, values, penalty):
    """By fitting again without each row, on the features standardised with all rows."""
    x = (features - features.mean(0)) / features.std(0)
    errors = []
    for i in range(len(values)):
        others = np.arange(len(values)) != i
        centre, mean = x[others].mean(0), values[others].mean()
        a = x[others] - centre
        weights = a.T @ np.linalg.solve(a @ a.T + penalty * np.eye(len(a)), values[others] - mean)
        errors.append(mean + (x[i] - centre) @ weights - values[i])
    return np.array(errors)


def test_a_column_that_never_changes_does_no_harm():
    features = np.c_[np.arange(6.0), np.ones(6)]
    ridge = Ridge.fit(features, np.arange(6.0))
    assert np.isfinite(ridge.weights).all()
    assert ridge.predict(features)[5] > ridge.predict(features)[0]
