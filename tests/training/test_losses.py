import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fbnet.errors import BadInput
from fbnet.tables import LOSSES
from fbnet.training.losses import pose_weight, smooth_wing, soft_wing, wing

GOLDEN = Path(__file__).parents[1] / "golden" / "losses.npz"
W, E = 10 / 112, 2 / 112


@pytest.fixture(scope="module")
def nni_run():
    """Inputs and outputs of NNI's own PFLDLoss (NNI v2.6)."""
    with np.load(GOLDEN, allow_pickle=False) as data:
        return {name: torch.from_numpy(np.asarray(data[name])) for name in data.files}


def faces(count=3, points=5, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(2, count, points, 2, generator=random)


def test_nni_losses(nni_run):
    inputs = [nni_run[name] for name in ("landmarks", "target", "angle", "true_angle")]
    weighted = replace(LOSSES["pose_l2"], floor=0)(*inputs)
    assert weighted.item() == pytest.approx(nni_run["weighted_loss"].item(), rel=1e-5)
    plain = LOSSES["l2"](*inputs)
    assert plain.item() == pytest.approx(nni_run["l2_loss"].item(), rel=1e-5)


def test_floor_adds_the_plain_loss(nni_run):
    inputs = [nni_run[name] for name in ("landmarks", "target", "angle", "true_angle")]
    floored, nni, plain = (
        LOSSES["pose_l2"](*inputs),
        replace(LOSSES["pose_l2"], floor=0)(*inputs),
        LOSSES["l2"](*inputs),
    )
    torch.testing.assert_close(floored, nni + plain)


def test_right_pose_keeps_the_loss_and_teaches_the_pose_net():
    predicted, target = faces()
    angle = torch.zeros(3, 3)
    assert LOSSES["pose_l2"](predicted, target, angle, angle) > 0
    assert replace(LOSSES["pose_l2"], floor=0)(predicted, target, angle, angle) == 0
    guess = torch.full((3, 3), 0.1, requires_grad=True)
    LOSSES["pose_l2"](predicted, target, guess, angle).backward()
    assert (guess.grad > 0).all()


def test_pose_weight_by_hand():
    angle = torch.tensor([[0.0, math.pi / 2, math.pi], [0.0, 0.0, 0.0]])
    weight = pose_weight(angle, torch.zeros(2, 3), floor=1.0)
    torch.testing.assert_close(weight, torch.tensor([1 + 0 + 1 + 2.0, 1.0]))


@pytest.mark.parametrize(
    ("residual", "expected"),
    [
        (0.0, 0.0),
        (1.0, 10 * math.log(1.5)),
        (-1.0, 10 * math.log(1.5)),
        (20.0, 20 - (10 - 10 * math.log(6))),
    ],
)
def test_wing_by_hand(residual, expected):
    value = wing(torch.tensor(residual), width=10, epsilon=2)
    assert value.item() == pytest.approx(expected, abs=1e-5)


def derivative(penalty, at):
    residual = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    penalty(residual, W, E).backward()
    return residual.grad.item()


def test_smooth_wing_has_no_corner():
    assert abs(derivative(smooth_wing, 1e-9)) < 1e-4
    corner = math.sqrt((W + E / 4) ** 2 - (E / 4) ** 2)
    below, above = (derivative(smooth_wing, corner * (1 + step)) for step in (-1e-7, 1e-7))
    assert below == pytest.approx(above, rel=1e-5)
    assert abs(derivative(wing, W - 1e-9) - derivative(wing, W + 1e-9)) > 0.1


@settings(max_examples=50, deadline=None)
@given(st.floats(-1, 1), st.floats(-1, 1), st.sampled_from(["wing", "smooth_wing", "l2"]))
def test_penalties_are_even_and_grow(first, second, name):
    penalty = LOSSES[name].penalty
    near, far = sorted((abs(first), abs(second)))
    value = penalty(torch.tensor([near, -near, far], dtype=torch.float64))
    assert value[0] == value[1]
    assert 0 <= value[0] <= value[2]


@pytest.mark.parametrize("name", LOSSES)
def test_mean_over_faces_and_finite_gradient(name):
    predicted, target = faces()
    predicted[0] = target[0]  # a perfect face must not give NaN
    angles = torch.zeros(2, 3, 3)
    loss = LOSSES[name]
    predicted.requires_grad_()
    whole = loss(predicted, target, *angles)
    each = [
        loss(predicted[i : i + 1], target[i : i + 1], angles[0, :1], angles[1, :1])
        for i in range(3)
    ]
    torch.testing.assert_close(whole, torch.stack(each).mean())
    whole.backward()
    assert torch.isfinite(predicted.grad).all()
    assert each[0] == 0


def test_refusals():
    with pytest.raises(BadInput, match=r"unknown loss 'huber'; known: l2, wing"):
        LOSSES["huber"]
    with pytest.raises(ValueError, match="angles"):
        LOSSES["pose_l2"](*faces())


@pytest.mark.parametrize(("pixels", "expected"), [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (-1.5, 1.5)])
def test_soft_wing_is_linear_up_to_two_pixels(pixels, expected):
    cost = soft_wing(torch.tensor(pixels / 112, dtype=torch.float64))
    assert cost.item() * 112 == pytest.approx(expected)


def test_soft_wing_is_logarithmic_beyond_and_continuous():
    r = torch.tensor([2.0, 2.0 + 1e-9, 10.0], dtype=torch.float64) / 112
    at, after, far = (soft_wing(r) * 112).tolist()
    assert after == pytest.approx(at, abs=1e-6)
    assert far == pytest.approx(2 + 20 * (math.log(1 + 10 / 0.5) - math.log(1 + 2 / 0.5)))


@pytest.mark.parametrize("name", LOSSES)
def test_unseen_points_have_no_gradient_and_the_others_count_for_them(name):
    predicted, target = faces(count=2, points=4)
    predicted.requires_grad_()
    angle, true_angle = torch.zeros(2, 3), torch.tensor([[0.1, 0.2, 0.3], [math.nan] * 3])
    whole = LOSSES[name](predicted[1:], target[1:], angle[1:], true_angle[1:])
    target = torch.cat([target[:1], target[1:], target[1:]])
    target[2, 2:] = math.nan
    parts = torch.cat([predicted, predicted[1:]])
    loss = LOSSES[name](parts[1:], target[1:], angle, true_angle[[1, 1]])
    loss.backward()
    assert torch.isfinite(predicted.grad).all()
    half = LOSSES[name](predicted[1:, :2].detach(), target[1:2, :2], angle[1:], true_angle[1:])
    torch.testing.assert_close(loss.detach(), (whole.detach() + 2 * half) / 2)
    nothing = torch.full_like(target, math.nan)
    nothing[:, 0] = target[:, 0]
    parts = parts.detach().requires_grad_()
    angles, truth = torch.zeros(3, 3), torch.zeros(3, 3)
    LOSSES[name](parts, nothing, angles, truth).backward()
    assert (parts.grad[:, 1:] == 0).all() and (parts.grad[:, 0] != 0).all()
