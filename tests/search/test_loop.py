"""The search loop: split, schedules, one draw, what each step may touch, resuming."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from fbnet.costs.lut import Lut, cost_of
from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.params import SearchParams, SpaceParams
from fbnet.search import loop
from fbnet.search.loop import Search, split_proxy, temperature
from fbnet.search.results import architecture, line, metrics, rank
from fbnet.training.checkpoints import Checkpoint

Make = Any


@pytest.fixture
def make(
    faces: FaceSet, space: SpaceParams, lut: Lut, params: SearchParams, fabric: Fabric
) -> Make:
    def build(table: Lut = lut, **changes: Any) -> Search:
        changed = params.model_copy(update=changes)
        return Search(faces, space, table, changed, None, fabric)

    return build


def test_search_uses_training_faces_only_and_never_one_for_both_purposes(
    faces: FaceSet, params: SearchParams
) -> None:
    weights, arch = split_proxy(faces, params)
    assert set(weights) | set(arch) == set(faces.indices("train"))
    assert not set(weights) & set(arch)
    groups = np.array(faces.groups)
    assert not set(groups[weights]) & set(groups[arch])
    assert len(arch) / len(faces.indices("train")) == pytest.approx(0.2, abs=0.05)


def test_proxy_share_takes_a_part(faces: FaceSet, params: SearchParams) -> None:
    weights, arch = split_proxy(faces, params.model_copy(update={"proxy_share": 0.5}))
    assert len(weights) + len(arch) == pytest.approx(22, abs=2)


def test_every_batch_comes_from_its_own_part(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    search = make()
    seen: dict[str, set[int]] = {"weights": set(), "architecture": set()}
    step, arch_step = search.learner.step, search.architecture_step

    def note(kind: str, inner: Any) -> Any:
        def call(batch: Any, *rest: Any) -> Any:
            seen[kind] |= set(batch.index.tolist())
            return inner(batch, *rest)

        return call

    monkeypatch.setattr(search.learner, "step", note("weights", step))
    monkeypatch.setattr(search, "architecture_step", note("architecture", arch_step))
    search.run()
    assert seen["weights"] == set(search.weight_faces.tolist())
    assert seen["architecture"] == set(search.arch_faces.tolist())


def test_temperature_falls_as_in_the_paper_over_any_length_and_stops_at_the_floor() -> None:
    params = SearchParams(temperature=5.0, temperature_decay=0.045, temperature_floor=0.05)
    assert temperature(params, 0.0) == 5.0
    assert temperature(params, 1.0) == pytest.approx(5 * math.exp(-0.045 * 90))
    assert temperature(params.model_copy(update={"temperature_floor": 0.5}), 1.0) == 0.5


def test_one_draw_serves_output_and_cost(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    search = make()
    mixed, charged = [], []
    objective, cost = search.learner.objective, loop.expected_cost

    def spy_objective(batch: Any, masks: Any = None) -> Any:
        mixed.append([m.detach().clone() for m in masks])
        return objective(batch, masks)

    def spy_cost(lut: Lut, masks: Any) -> Any:
        charged.append([m.detach().clone() for m in masks])
        return cost(lut, masks)

    monkeypatch.setattr(search.learner, "objective", spy_objective)
    monkeypatch.setattr(loop, "expected_cost", spy_cost)
    batch = next(search.epoch_batches(search.arch_faces, 4, seed=1))
    for _ in range(3):
        search.architecture_step(batch)
    assert len(mixed) == len(charged) == 3
    for a, b in zip(mixed, charged, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert not torch.equal(mixed[0][0], mixed[1][0])


def test_each_step_touches_only_what_it_trains(make: Make) -> None:
    search = make()
    batch = next(search.epoch_batches(search.arch_faces, 4, seed=1))
    weights = [p.detach().clone() for p in search.learner.net.parameters()]
    alphas = [p.detach().clone() for p in search.alphas.parameters()]
    search.architecture_step(batch)
    assert all(
        torch.equal(a, b) for a, b in zip(weights, search.learner.net.parameters(), strict=True)
    )
    assert not any(
        torch.equal(a, b) for a, b in zip(alphas, search.alphas.parameters(), strict=True)
    )
    alphas = [p.detach().clone() for p in search.alphas.parameters()]
    search.learner.step(batch, search.draw("weights", 0))
    assert all(torch.equal(a, b) for a, b in zip(alphas, search.alphas.parameters(), strict=True))


def test_the_cost_does_not_reach_the_weights(make: Make, lut: Lut) -> None:
    costly = Lut(
        lut.unit, tuple({k: 9.0 * v for k, v in la.items()} for la in lut.layers), 50.0, "x"
    )
    nets = []
    for table in (lut, costly):
        search = make(table)
        search.run_epoch()
        nets.append(search.learner.net.state_dict())
    assert all(torch.equal(nets[0][k], nets[1][k]) for k in nets[0])


def test_alphas_stand_still_in_the_warmup_and_move_after_it(make: Make) -> None:
    search = make()
    start = [p.detach().clone() for p in search.alphas.parameters()]
    search.run_epoch()
    assert all(torch.equal(a, b) for a, b in zip(start, search.alphas.parameters(), strict=True))
    search.run_epoch()
    assert not torch.equal(start[0], search.alphas.alphas[0])


def test_a_cost_that_dominates_decides_for_the_cheap_blocks(make: Make, space: SpaceParams) -> None:
    search = make(mode="add", alpha=1000.0, beta=1.0, epochs=6)
    search.run()
    assert search.alphas.best() == tuple(ops[0] for ops in space.layer_ops)
    assert search.history[-1]["entropy"] < 0.1 < search.history[0]["entropy"]
    assert search.history[-1]["expected_cost"] < search.history[0]["expected_cost"]


@pytest.mark.parametrize("target", [8.0, 9.0])
def test_a_budget_is_met_whatever_is_more_accurate(
    make: Make, space: SpaceParams, target: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = tuple({b: 1.0 + (j > 0) for j, b in enumerate(ops)} for ops in space.layer_ops)
    table = Lut("ms", layers, fixed=4.0, source="drawn")
    search = make(table, mode="target", target_ms=target, epochs=12, nas_lr=0.3)
    # The costliest blocks lower the loss: without a budget each of them would win.
    objective = search.learner.objective

    def tempting(batch: Any, masks: Any) -> Any:
        gains = zip((1.5, 1.0, 0.5), masks, strict=True)
        return 0 * objective(batch, masks) + 10 - sum(gain * mask[1] for gain, mask in gains)

    monkeypatch.setattr(search.learner, "objective", tempting)
    search.run()
    # 10 for three costly blocks, 1 less for each cheap one.
    assert search.history[-1]["expected_cost"] == pytest.approx(target, abs=0.4)
    assert cost_of(search.lut, search.choice()) == target
    assert search.choice()[:2] == ("mb_k3_res", "mb_k3" if target > 8 else "gh_k3")
    assert all(cost_of(search.lut, choice) <= target for choice in search.samples(3))
    ranked = rank(search)
    assert metrics(search, ranked)["search_target"] == target
    assert architecture(search, ranked, "mine")["cost"]["limit"] == target
    assert f"predicted of {target:.4g}" in line(search, ranked)


def test_a_budget_below_the_floor_stops_before_work(make: Make, lut: Lut) -> None:
    with pytest.raises(BadInput, match=r"search\.target_ms: 3 ms is below .* net costs 4 by drawn"):
        make(mode="target", target_ms=3.0)
    with pytest.raises(BadInput, match=r"costs 4 by drawn \(4\.4 with the table's error of 10\.0%"):
        make(dataclasses.replace(lut, error=0.1), mode="target", target_ms=4.2)
    with pytest.raises(BadInput, match=r"search\.target_macs: .* a table in its unit"):
        make(mode="target", cost="macs", target_macs=10)


def test_a_table_of_another_input_size_is_refused(make: Make, lut: Lut) -> None:
    make(dataclasses.replace(lut, size=32))
    with pytest.raises(BadInput, match=r"drawn: holds for inputs of 64x64, the faces are 32x32"):
        make(dataclasses.replace(lut, size=64))


def test_validation_does_not_draw(make: Make) -> None:
    search = make()
    search.run_epoch()
    choice = search.alphas.best()
    first = search.scorer.nme(search.learner.net, choice)
    assert search.scorer.nme(search.learner.net, choice) == first


def test_resuming_after_any_epoch_changes_no_bit(make: Make, tmp_path: Path) -> None:
    unbroken = make()
    expected: list[dict[str, float]] = []
    unbroken.run(log=lambda step, figures: expected.append(figures))
    assert sum(key.startswith("probability/") for key in expected[0]) == 8
    for stop in (1, 2):
        saved = Checkpoint(tmp_path / str(stop))
        broken = make()
        for _ in range(stop):
            broken.run_epoch()
        saved.save(broken.state())
        logged: list[dict[str, float]] = []
        resumed = make()
        resumed.run(saved, lambda step, figures, logged=logged: logged.append(figures))
        assert logged == expected
        assert [figures["epoch"] for figures in logged] == [1, 2, 3]
        assert resumed.history == unbroken.history
        assert resumed.probabilities == unbroken.probabilities
        assert resumed.best["epoch"] == unbroken.best["epoch"]
        weights = unbroken.best["weights"]
        assert all(torch.equal(weights[k], resumed.best["weights"][k]) for k in weights)


def test_too_few_steps_to_decide_stop_before_work(make: Make) -> None:
    with pytest.raises(BadInput, match=r"search\.nas_lr .* are needed to decide: raise it to"):
        make(nas_lr=0.01)


@pytest.mark.parametrize("sampling", ["soft", "hard", "few_path"])
@pytest.mark.parametrize("loss", ["wing", "pose_l2"])
def test_every_kind_of_search_learns(make: Make, sampling: str, loss: str) -> None:
    search = make(sampling=sampling, loss=loss, epochs=6, lr=0.01, start="nni")
    search.run()
    losses = [row["loss"] for row in search.history]
    assert losses[-1] < 0.7 * losses[0]
    assert ("pose.fc2.weight" in search.best["weights"]) == (loss == "pose_l2")


def test_a_fresh_search_answers_with_the_mean_training_face(make: Make, faces: FaceSet) -> None:
    images = torch.rand(2, 3, faces.size, faces.size)
    with torch.no_grad():
        answers = make().learner.net(images, make().draw("weights", 0))[0].numpy()
    mean = faces.landmarks[faces.indices("train")].mean(axis=0)
    assert np.allclose(answers, mean, atol=1e-6)
    nni = make(start="nni").learner.net
    assert not nni.fc.bias.any() and nni.fc.weight.std() > 0.01


def test_points_that_some_faces_do_not_show_are_not_in_the_start(
    faces: FaceSet, space: SpaceParams, lut: Lut, params: SearchParams
) -> None:
    landmarks, train = faces.landmarks.copy(), faces.indices("train")
    landmarks[train[0], 3] = np.nan
    search = Search(dataclasses.replace(faces, landmarks=landmarks), space, lut, params)
    bias = search.learner.net.fc.bias.detach().numpy().reshape(-1, 2)
    assert np.allclose(bias[3], landmarks[train[1:], 3].mean(axis=0))
    search.run()
    assert all(math.isfinite(row["loss"]) for row in search.history)
