import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fbnet import metrics
from fbnet.errors import BadInput
from fbnet.landmarks import SCHEMES
from fbnet.training.validate import NME

GOLDEN = Path(__file__).parent / "golden" / "losses.npz"
SCHEME = SCHEMES[68]


def faces(count=6, seed=0, scheme=SCHEME):
    return np.random.default_rng([seed, count]).uniform(size=(2, count, scheme.points, 2))


def square_face(scheme=SCHEME, side=1.0):
    """A face whose points lie in a square of `side`, outer eye corners `side` apart."""
    points = np.full((1, scheme.points, 2), side / 2)
    points[0, scheme.eyes[0]] = 0, 0
    points[0, scheme.eyes[1]] = side, 0
    points[0, next(i for i in range(scheme.points) if i not in scheme.eyes)] = 0, side
    return points


def test_seed_nme():
    with np.load(GOLDEN, allow_pickle=False) as data:
        errors = metrics.nme(data["landmarks"], data["target"], SCHEMES[106])
        np.testing.assert_allclose(errors, data["nme"], rtol=1e-5)


@pytest.mark.parametrize("points", SCHEMES)
def test_nme_by_hand(points):
    true = square_face(SCHEMES[points], side=2.0)
    predicted = true + np.array([0.06, 0.08])  # every point is 0.1 off
    errors = metrics.point_errors(predicted, true, SCHEMES[points])
    np.testing.assert_allclose(errors, 0.05)
    box = metrics.nme(predicted, true, SCHEMES[points], metrics.box_size)
    np.testing.assert_allclose(box, 0.05)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.1, 300), st.floats(-50, 50), st.sampled_from(["eye_distance", "box_size"]))
def test_nme_ignores_scale_and_place(scale, shift, normaliser):
    predicted, true = faces()
    by = getattr(metrics, normaliser)
    moved = metrics.nme(predicted * scale + shift, true * scale + shift, SCHEME, by)
    np.testing.assert_allclose(moved, metrics.nme(predicted, true, SCHEME, by), rtol=1e-6)


errors_lists = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(errors_lists, st.sampled_from([0.08, 0.10]))
def test_rates_are_bounded_and_agree(errors, threshold):
    failed = metrics.failure_rate(errors, threshold)
    area = metrics.auc(errors, threshold)
    assert 0 <= failed <= 1
    # the CED never rises above its value at the threshold
    assert 0 <= area <= 1 - failed + 1e-12
    assert metrics.ced(errors, np.array([threshold]))[0] == pytest.approx(1 - failed)


def grid_auc(errors, threshold, step=1e-4):
    """The published sum: trapezia under the CED sampled every `step` (polaris, PIPNet)."""
    levels = np.arange(0.0, threshold + step / 2, step)
    return np.trapezoid(metrics.ced(errors, levels), levels) / threshold


@settings(max_examples=40, deadline=None)
@given(errors_lists, st.sampled_from([0.08, 0.10]))
def test_auc_is_the_published_one_up_to_its_step(errors, threshold):
    assert metrics.auc(errors, threshold) == pytest.approx(
        grid_auc(errors, threshold), abs=1e-4 / threshold
    )


def test_rates_by_hand():
    errors = [0.0, 0.04, 0.08, 0.2]
    assert metrics.failure_rate(errors, 0.08) == 0.25
    assert metrics.auc(errors, 0.08) == pytest.approx((1 + 0.5 + 0 + 0) / 4)
    np.testing.assert_allclose(metrics.ced(errors, np.array([0, 0.05, 1])), [0.25, 0.5, 1])


def test_mean_face():
    train = np.stack([square_face()[0], square_face()[0] + 0.2])
    np.testing.assert_allclose(metrics.mean_face(train), square_face()[0] + 0.1)
    expected = math.hypot(0.1, 0.1)
    assert metrics.mean_face_nme(train, square_face(), SCHEME) == pytest.approx(expected)


def test_regions_weigh_to_the_whole():
    predicted, true = faces()
    errors = metrics.point_errors(predicted, true, SCHEME)
    by_region = metrics.region_nme(errors, SCHEME)
    assert set(by_region) == {"contour", "brows", "eyes", "nose", "mouth"}
    total = sum(by_region[name] * len(SCHEME.regions[name]) for name in by_region)
    assert total / SCHEME.points == pytest.approx(errors.mean())


def test_yaw_bands():
    pose = np.radians([[0, -14.9, 0], [0, 15.1, 0], [0, -29, 0], [40, 10, 40], [0, 46, 0]])
    bands = metrics.yaw_nme(np.array([1.0, 2.0, 4.0, 5.0, 7.0]), pose)
    assert bands == {"yaw_0_15": 3.0, "yaw_15_30": 3.0, "yaw_45_90": 7.0}


def test_summary():
    predicted, true = faces()
    figures = metrics.summary(predicted, true, SCHEME)
    assert set(figures) == {"nme", "nme_box", "fr_08", "auc_08", "fr_10", "auc_10"}
    assert figures["fr_08"] >= figures["fr_10"]
    assert metrics.summary(true, true, SCHEME) == {
        "nme": 0, "nme_box": 0, "fr_08": 0, "fr_10": 0, "auc_08": 1, "auc_10": 1,
    }  # fmt: skip


@pytest.mark.parametrize("normaliser", [metrics.eye_distance, metrics.box_size])
@pytest.mark.parametrize("value", [0.5, np.nan])
def test_face_without_a_size_is_named(normaliser, value):
    predicted, true = faces()
    true[4] = value
    with pytest.raises(BadInput, match=r"face 4 .*(eye_distance|box_size)"):
        metrics.nme(predicted, true, SCHEME, normaliser)


def test_refusals():
    predicted, true = faces()
    with pytest.raises(BadInput, match=r"\[N, 68, 2\]"):
        metrics.nme(predicted[:, :60], true[:, :60], SCHEME)
    with pytest.raises(BadInput, match=r"\(5, 68, 2\) against \(6, 68, 2\)"):
        metrics.nme(predicted[:5], true, SCHEME)
    for empty in (lambda: metrics.auc([], 0.1), lambda: metrics.mean_face(true[:0])):
        with pytest.raises(BadInput, match="no "):
            empty()


@pytest.mark.parametrize("sizes", [[6], [5, 1], [1, 2, 3]])
def test_streaming_nme_is_a_mean_over_faces(sizes):
    predicted, true = faces()
    metric, start = NME(SCHEME), 0
    for size in sizes:
        part = slice(start, start + size)
        metric.update(torch.from_numpy(predicted[part]), torch.from_numpy(true[part]))
        start += size
    expected = metrics.nme(predicted, true, SCHEME).mean()
    assert metric.compute() == pytest.approx(expected, rel=1e-9)


def test_streaming_nme_refuses_an_empty_set():
    with pytest.raises(BadInput, match="no face"):
        NME(SCHEME).compute()


def test_streaming_nme_refuses_a_face_without_a_size():
    predicted, true = (torch.from_numpy(x) for x in faces())
    true[2] = 0.5
    with pytest.raises(BadInput, match="eye corners"):
        NME(SCHEME).update(predicted, true)


def test_rows_to_show():
    assert metrics.evenly(10, 4).tolist() == [0, 3, 6, 9]
    assert metrics.evenly(2, 4).tolist() == [0, 1]
    spread, worst = metrics.spread_and_worst(np.array([0.1, 0.3, 0.2, 0.3]), 2, 3)
    assert (spread.tolist(), worst.tolist()) == ([0, 3], [1, 3, 2])


def test_unseen_points_count_nowhere():
    predicted, true = faces(count=8)
    true[:, 3] = true[2, 7] = np.nan
    errors = metrics.point_errors(predicted, true, SCHEME)
    assert np.isnan(errors[:, 3]).all() and np.isnan(errors).sum() == 9
    seen = np.delete(errors[2], [3, 7])
    assert metrics.nme(predicted, true, SCHEME)[2] == pytest.approx(seen.mean())
    assert metrics.region_nme(errors, SCHEME)["contour"] == pytest.approx(
        np.nanmean(errors[:, :17])
    )
    assert set(metrics.summary(predicted, true, SCHEME)) >= {"nme", "nme_box", "auc_08"}
    metric = NME(SCHEME)
    metric.update(torch.from_numpy(predicted), torch.from_numpy(true))
    assert metric.compute() == pytest.approx(metrics.nme(predicted, true, SCHEME).mean())
    mean = metrics.mean_face(true)
    assert np.isnan(mean[3]).all() and np.isnan(mean).sum() == 2
    np.testing.assert_allclose(mean[7], np.delete(true[:, 7], 2, axis=0).mean(axis=0))
    assert metrics.mean_face_nme(true, true, SCHEME) > 0
    predicted[0, 0] = np.nan
    metric.update(torch.from_numpy(predicted), torch.from_numpy(true))
    assert math.isnan(metric.compute())


def test_equal_scores_are_worth_a_half():
    positive = np.array([False, False, True, True])
    for order in (positive, ~positive):
        assert metrics.area_under_roc(np.ones(4), order) == 0.5
    scores = np.array([0.1, 0.5, 0.5, 0.9])
    assert metrics.area_under_roc(scores, positive) == pytest.approx(7 / 8)


def test_a_face_on_one_line_has_no_box():
    predicted, true = faces(count=4)
    true[1, :, 1] = 0.5
    figures = metrics.summary(predicted, true, SCHEME)
    rest = [0, 2, 3]
    expected = metrics.nme(predicted[rest], true[rest], SCHEME, metrics.box_size).mean()
    assert figures["nme_box"] == pytest.approx(expected)
    assert "nme_box" not in metrics.summary(predicted[1:2], true[1:2], SCHEME)
