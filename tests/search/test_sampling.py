"""Candidates: argmax, distinct samples of the learned distribution, ranked by the objective."""

import math

import pytest
import torch
from lightning_fabric import Fabric

from fbnet.costs.lut import Lut, cost_of, reference_cost
from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.params import SearchParams, SpaceParams
from fbnet.search.loop import Search
from fbnet.search.results import architecture, line, rank
from fbnet.search.sampling import sample_choices
from fbnet.search.supernet import ArchitectureParameters
from fbnet.tables import LOSSES
from fbnet.training.batches import batches


def test_samples_are_distinct_follow_the_distribution_and_begin_with_the_argmax(
    space: SpaceParams, lut: Lut
) -> None:
    alphas = ArchitectureParameters(space)
    with torch.no_grad():
        alphas.alphas[0][1] = 5.0
        alphas.alphas[1][0] = -40.0
    choices = sample_choices(alphas, lut, math.inf, 4, seed=1)
    assert choices[0] == alphas.best()
    assert len(set(choices)) == len(choices) == 5
    assert all(choice[1] != "gh_k3" for choice in choices)
    assert sample_choices(alphas, lut, math.inf, 4, seed=1) == choices


def test_a_decided_distribution_yields_its_argmax_alone(space: SpaceParams, lut: Lut) -> None:
    alphas = ArchitectureParameters(space)
    with torch.no_grad():
        for alpha in alphas.alphas:
            alpha[0] = 60.0
    assert sample_choices(alphas, lut, math.inf, 4, seed=1) == [alphas.best()]


def test_all_samples_meet_a_limit_and_the_first_is_the_likeliest_that_does(
    space: SpaceParams, lut: Lut
) -> None:
    alphas = ArchitectureParameters(space)
    with torch.no_grad():
        for alpha in alphas.alphas:
            alpha[1] = 1.0
        alphas.alphas[0][1] = 3.0
    # One block of 1 costs 1, the others 21; the argmax takes 21 everywhere.
    choices = sample_choices(alphas, lut, 24.0, 3, seed=1)
    assert choices[0] == ("mb_k3_res", "gh_k3", "gh_k3")
    assert len(choices) == 4
    assert all(cost_of(lut, choice) <= 24.0 for choice in choices)
    with pytest.raises(BadInput, match=r"no net of the space costs 3\.9 ms or less"):
        sample_choices(alphas, lut, 3.9, 3, seed=1)


@pytest.fixture
def search(
    faces: FaceSet, space: SpaceParams, lut: Lut, params: SearchParams, fabric: Fabric
) -> Search:
    done = Search(faces, space, lut, params, None, fabric)
    done.run()
    return done


def test_candidates_are_ranked_by_the_search_objective(search: Search, lut: Lut) -> None:
    ranked = rank(search)
    objectives = [c.objective for c in ranked]
    assert objectives == sorted(objectives)
    assert all(c.cost == cost_of(lut, c.choice) for c in ranked)
    assert search.alphas.best() in [c.choice for c in ranked]
    record = architecture(search, ranked, "mine")
    assert record["choice"] == record["candidates"][0] == list(ranked[0].choice)
    assert [sum(p.values()) for p in record["probabilities"]] == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("loss", ["wing", "pose_l2"])
def test_a_summand_is_added_to_the_loss_that_was_searched(
    loss: str, faces: FaceSet, space: SpaceParams, lut: Lut, params: SearchParams, fabric: Fabric
) -> None:
    """An NME of 0.1 beside a cost of 1 would let the cost alone decide."""
    params = params.model_copy(update={"mode": "add", "loss": loss, "alpha": 1.0, "start": "nni"})
    done = Search(faces, space, lut, params, None, fabric)
    done.run()
    for candidate in rank(done):
        subnet = done.scorer.subnet(done.learner.net, candidate.choice)
        validation = faces.indices("validation")
        with torch.no_grad():
            (batch,) = batches(faces, validation, 64, seed=0, epoch=0, shuffle=False)
            landmarks, feature = subnet.eval()(batch.image)
            uses_pose = LOSSES[loss].uses_pose
            angle = done.learner.modules["pose"].eval()(feature) if uses_pose else None
            expected = LOSSES[loss](landmarks, batch.landmarks, angle, batch.pose).item()
        cost = (candidate.cost / reference_cost(lut)) ** params.beta
        assert expected > 2 * candidate.nme
        assert candidate.objective == pytest.approx(expected + cost, rel=1e-5)


def test_a_search_that_has_not_decided_says_so(search: Search) -> None:
    ranked = rank(search)
    with torch.no_grad():
        for alpha in search.alphas.alphas:
            alpha.zero_()
    assert "NOT DECIDED" in line(search, ranked)
    with torch.no_grad():
        for alpha in search.alphas.alphas:
            alpha[0] = 60.0
    assert "NOT DECIDED" not in line(search, ranked)
