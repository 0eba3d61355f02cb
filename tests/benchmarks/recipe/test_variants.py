"""What trials do otherwise: the Laplace likelihood, and branches that fold without a trace."""

import math

import pytest
import torch

from benchmarks.recipe import NET
from benchmarks.recipe.variants import Branches, Laplace, add_branches, fold_branches
from fbnet.nets.optimize import optimize_for_cpu
from fbnet.nets.pfld import build_subnet
from fbnet.params import NNI_SPACE


def test_laplace_is_the_likelihood_of_the_best_scales():
    random = torch.Generator().manual_seed(0)
    landmarks, target = torch.rand(2, 16, 5, 2, generator=random, dtype=torch.float64)
    target[3, 2] = math.nan
    residuals = (landmarks - target).permute(1, 0, 2).flatten(1)
    likelihoods = []
    for point in residuals:
        seen = point[~point.isnan()]
        scale = seen.abs().mean()
        likelihoods.append(torch.distributions.Laplace(0.0, scale).log_prob(seen).mean())
        near = torch.distributions.Laplace(0.0, 1.01 * scale).log_prob(seen).mean()
        assert near < likelihoods[-1]
    expected = torch.exp(-torch.stack(likelihoods).mean()) / (2 * math.e)
    assert Laplace()(landmarks, target).item() == pytest.approx(expected.item(), rel=1e-4)


def test_laplace_takes_perfect_points_and_points_that_nobody_shows():
    target = torch.rand(4, 3, 2, generator=torch.Generator().manual_seed(1))
    target[:, 0] = math.nan
    landmarks = target.nan_to_num(0.5).requires_grad_()
    loss = Laplace()(landmarks, target)
    loss.backward()
    assert loss.item() == pytest.approx(1e-6, rel=0.01)
    assert torch.isfinite(landmarks.grad).all()


def net_with_statistics(seed=0):
    net = build_subnet(NNI_SPACE, 68, NET, 112, seed)
    add_branches(net, seed)
    optimize_for_cpu(net.to(memory_format=torch.channels_last))
    random = torch.Generator().manual_seed(seed)
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.weight, 0.5, 1.5, generator=random)
            torch.nn.init.uniform_(part.bias, -0.5, 0.5, generator=random)
    net.train()
    for _ in range(3):
        net(torch.rand(8, 3, 112, 112, generator=random))
    return net.eval()


def test_folded_branches_compute_the_same_with_the_plain_nets_keys():
    net = net_with_statistics()
    assert sum(isinstance(part, Branches) for part in net.modules()) > 5
    image = torch.rand(4, 3, 112, 112, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        before = net(image)[0]
        fold_branches(net)
        after = net(image)[0]
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    plain = build_subnet(NNI_SPACE, 68, NET, 112, 0).eval()
    plain.load_state_dict(net.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(plain(image)[0], before, rtol=1e-4, atol=1e-5)
    assert (before - before[:1]).abs().max() > 1e-4
