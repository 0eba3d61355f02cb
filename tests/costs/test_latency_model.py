import numpy as np
import pytest

from fbnet.costs.latency_model import (
    Agreement,
    Setting,
    agreement,
    drift,
    references,
    sampled_choices,
    setting,
)
from fbnet.costs.timing import cpu_model
from fbnet.params import NNI_SPACE


def test_agreement_by_hand():
    result = agreement([1.0, 2.0, 3.0], [2.0, 2.0, 4.0])
    assert result.mape == pytest.approx((0.5 + 0 + 0.25) / 3)
    assert result.r2 == pytest.approx(1 - (1 + 0 + 1) / (4 / 9 * 2 + 16 / 9))
    assert result.spearman == pytest.approx(np.sqrt(3) / 2)
    assert agreement([3, 2, 1], [1, 2, 3]).spearman == pytest.approx(-1)


@pytest.mark.parametrize("nets", [[1.0], [1.0, 1.0]])
def test_no_rank_without_a_difference(nets):
    assert agreement(nets, nets) == Agreement(0.0, None, None)


def test_samples_depend_on_the_seed_alone():
    first = sampled_choices(NNI_SPACE, 20, 1)
    assert first == sampled_choices(NNI_SPACE, 20, 1)
    assert first[:5] == sampled_choices(NNI_SPACE, 5, 1)
    assert first != sampled_choices(NNI_SPACE, 20, 2)
    for choice in first:
        assert all(b in ops for b, ops in zip(choice, NNI_SPACE.layer_ops, strict=True))
    assert len(set(first)) > 15


TABLE = {
    "engine": "mnn",
    "cpu": cpu_model(),
    "protocol": {"threads": 2, "batch": 4},
    "fixed": {"references": [{"choice": ["a"], "median": 2.0}, {"choice": ["b"], "median": 4.0}]},
}


@pytest.mark.parametrize(
    "change", [{"engine": "file"}, {"engine": "benchncnn"}, {"cpu": "another"}, {"protocol": {}}]
)
def test_only_a_table_made_here_compares(change):
    assert setting(TABLE) == Setting("mnn", 2, 4)
    assert setting(TABLE | change) is None


def test_a_table_of_an_earlier_version_had_one_face_a_call():
    assert setting(TABLE | {"protocol": {"threads": 1}}) == Setting("mnn", 1, 1)


def test_drift_is_the_machines_change_since_the_table():
    then = references(TABLE)
    assert then == {("a",): 2.0, ("b",): 4.0}
    assert drift(then, {("a",): 3.0, ("b",): 5.0, ("c",): 9.0}) == pytest.approx((1.5 + 1.25) / 2)
    assert drift(then, {("c",): 9.0}) == drift({}, {("a",): 1.0}) == 1.0
    assert references({"fixed": {"median": 1.0}}) == {}


@pytest.mark.parametrize(
    ("result", "parts"),
    [
        (Agreement(0.1, 0.9, 0.9), ()),
        (Agreement(0.02, None, None), ()),
        (Agreement(0.11, 0.9, 0.95), ("off by 11%",)),
        (Agreement(0.01, 0.1, 0.85), ("Spearman 0.85 < 0.9",)),
        (Agreement(0.5, -3.0, -0.2), ("off by 50%", "Spearman -0.20")),
    ],
)
def test_a_bad_table_is_warned_of(result, parts):
    warning = result.warning(mape=0.1, spearman=0.9)
    assert ("PREDICTS BADLY" in warning) == bool(parts)
    assert "\n" not in warning
    for part in parts:
        assert part in warning


def test_figures_that_do_not_exist_are_left_out():
    assert Agreement(0.1, None, 0.9).metrics() == {
        "prediction_mape": 0.1,
        "prediction_spearman": 0.9,
    }
