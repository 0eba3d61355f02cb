"""Each variant does what it is named for, and nothing else."""

import numpy as np
import pytest
import torch

from benchmarks.ranking import VARIANTS
from benchmarks.ranking.variants import SEARCHES, CostInWeights, Leak, TwoDraws
from fbnet.costs.lut import expected_cost, reference_cost
from fbnet.search.cost import cost_term
from fbnet.search.loop import Search
from fbnet.training.batches import batches


@pytest.fixture
def built(faces, space, lut, search_params):
    return lambda kind, **changes: kind(faces, space, lut, search_params.model_copy(update=changes))


def batch_of(faces):
    return next(iter(batches(faces, range(8), 8, seed=0, epoch=0, shuffle=False)))


def masks_seen(search, monkeypatch):
    """The draws that the net and the cost are given in an architecture step."""
    seen = {"net": [], "cost": []}
    objective = search.learner.objective
    monkeypatch.setattr(
        search.learner, "objective", lambda b, m: seen["net"].append(m) or objective(b, m)
    )

    def cost(lut, masks):
        seen["cost"].append(masks)
        return expected_cost(lut, masks)

    for module in ("fbnet.search.loop", "benchmarks.ranking.variants"):
        monkeypatch.setattr(f"{module}.expected_cost", cost)
    return seen


@pytest.mark.parametrize(("kind", "shared"), [(Search, True), (TwoDraws, False)])
def test_two_draws_cost_another_draw_than_they_mix(built, faces, monkeypatch, kind, shared):
    running = built(kind)
    seen = masks_seen(running, monkeypatch)
    before = [alpha.detach().clone() for alpha in running.alphas.alphas]
    weights = {k: v.clone() for k, v in running.learner.net.named_parameters()}
    running.architecture_step(batch_of(faces))
    (net,), (cost,) = seen["net"], seen["cost"]
    assert all(torch.equal(a, b) for a, b in zip(net, cost, strict=True)) is shared
    assert running.arch_step_count == 1
    after = running.alphas.alphas
    assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(torch.equal(v, weights[k]) for k, v in running.learner.net.named_parameters())
    assert all(p.grad is None for p in running.learner.net.parameters())


def test_a_leak_shows_the_weights_the_architectures_faces(built):
    leak = built(Leak)
    seen = set()
    for epoch in range(6):
        leak.epoch = epoch
        shown = np.concatenate([b.index for b in leak.epoch_batches(leak.weight_faces, 16, seed=2)])
        assert len(shown) == len(leak.weight_faces) == len(set(shown.tolist()))
        seen |= set(shown.tolist())
    assert seen == set(leak.weight_faces.tolist()) | set(leak.arch_faces.tolist())
    arch = np.concatenate([b.index for b in leak.epoch_batches(leak.arch_faces, 16, seed=3)])
    assert sorted(arch.tolist()) == sorted(leak.arch_faces.tolist())


@pytest.mark.parametrize("mode", ["mul", "add"])
def test_the_cost_enters_the_weights_loss_and_only_there(built, faces, mode):
    plain, costed = built(Search, mode=mode), built(CostInWeights, mode=mode)
    batch = batch_of(faces)
    masks = costed.draw("weights", 0)
    loss = plain.learner.objective(batch, plain.draw("weights", 0))
    term = cost_term(expected_cost(plain.lut, masks), reference_cost(plain.lut), plain.params)
    expected = loss * term if mode == "mul" else loss + term
    assert costed.learner.objective(batch, masks).item() == pytest.approx(expected.item())
    masks = costed.draw("architecture", 0)
    again = plain.learner.objective(batch, plain.draw("architecture", 0))
    assert costed.learner.objective(batch, masks).item() == pytest.approx(again.item())


def test_only_the_pose_variant_trains_the_pose_net(faces, space, lut, search_params):
    for name, variant in VARIANTS.items():
        params = search_params.model_copy(update=dict(variant.changes))
        modules = SEARCHES[variant.search](faces, space, lut, params).learner.modules
        assert ("pose" in modules) is (name == "pose")
