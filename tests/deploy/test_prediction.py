import numpy as np
import pytest

from fbnet.deploy.prediction import Agreement, agreement, comparable, sampled_choices
from fbnet.deploy.timing import cpu_model
from fbnet.params.space import SEED_SPACE


def test_agreement_by_hand():
    found = agreement([1.0, 2.0, 3.0], [2.0, 2.0, 4.0])
    assert found.mape == pytest.approx((0.5 + 0 + 0.25) / 3)
    assert found.spearman == pytest.approx(np.sqrt(3) / 2)
    assert agreement([3, 2, 1], [1, 2, 3]).spearman == pytest.approx(-1)


@pytest.mark.parametrize("nets", [[1.0], [1.0, 1.0]])
def test_no_rank_without_a_difference(nets):
    assert agreement(nets, nets) == Agreement(0.0, None)


def test_samples_hang_on_the_seed_alone():
    first = sampled_choices(SEED_SPACE, 20, 1)
    assert first == sampled_choices(SEED_SPACE, 20, 1)
    assert first[:5] == sampled_choices(SEED_SPACE, 5, 1)
    assert first != sampled_choices(SEED_SPACE, 20, 2)
    for choice in first:
        assert all(b in ops for b, ops in zip(choice, SEED_SPACE.layer_ops, strict=True))
    assert len(set(first)) > 15


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"engine": "file"}, False),
        ({"cpu": "another"}, False),
        ({"protocol": {"threads": 2}}, False),
        ({"protocol": {}}, False),
    ],
)
def test_only_a_table_made_here_compares(change, expected):
    table = {"engine": "onnxruntime", "cpu": cpu_model(), "protocol": {"threads": 1}}
    assert comparable(table | change, threads=1) is expected
    assert not comparable({"engine": "file"}, threads=1)
