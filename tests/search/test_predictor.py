"""Search by short trainings: what is trained how far, what is chosen, and that it resumes."""

import multiprocessing
import os
import pickle
import signal
from dataclasses import replace
from itertools import count

import pytest
import torch

from fbnet.costs.lut import cost_of
from fbnet.errors import BadInput
from fbnet.files import read_csv, read_json
from fbnet.params import PredictorParams, RetrainParams, SearchParams, TrainParams
from fbnet.search.draws import draws
from fbnet.search.finetune import finetune
from fbnet.search.loop import proxy_set
from fbnet.search.predictor import Predictor, Score, Setup, of_proxy_set, train
from fbnet.search.predictor_results import line, write_results
from fbnet.search.workers import ThisProcess
from fbnet.training.checkpoints import Checkpoint, load_weights

SHORT = PredictorParams(nets=4, rungs=(1, 2), rounds=1, top=1, pool=50, batch=16, lr=1e-3)


@pytest.fixture
def setup(tmp_path, faces, space):
    faces.save(tmp_path / "faces")
    params = SearchParams(method="predictor", predictor=SHORT, augment=False)
    train_params = TrainParams(devices=1)
    return Setup(tmp_path / "faces", space, params, None, train_params, tmp_path / "nets")


def searching(setup, lut, log=lambda step, row: None):
    return Predictor(setup, lut, ThisProcess(), log)


def changed(setup, **params):
    return replace(setup, params=setup.params.model_copy(update=params))


def test_half_goes_on_and_the_regression_adds_one(setup, lut):
    logged = {}
    search = searching(setup, lut, logged.__setitem__)
    ranked = search.run()
    reached = sorted(max(scores) for scores in search.scores.values())
    assert reached in ([1, 1, 2, 2, 2], [1, 2, 2, 2])  # the fifth may be one that had left
    assert len(ranked) == 3
    first = list(search.scores)[:4]
    by_objective = sorted(first, key=lambda c: search._objective(search.scores[c][1].quality, c))
    assert all(2 in search.scores[choice] for choice in by_objective[:2])
    assert [candidate.objective for candidate in ranked] == sorted(c.objective for c in ranked)
    assert [row["nets"] for row in search.history] == [4, 2, 1] == [
        row["nets"] for row in logged.values()
    ]  # fmt: skip
    assert [row["trained_epochs"] for row in search.history] == [1, 2, 2]
    assert all(sum(layer) == pytest.approx(1) for step in search.probabilities for layer in step)


def test_trainings_see_the_proxy_set(faces):
    params = SearchParams(method="predictor", proxy_share=0.5)
    seen = of_proxy_set(faces, params)
    assert 0 < len(seen.indices("train")) < len(faces.indices("train"))
    assert seen.indices("train").tolist() == proxy_set(faces, params).tolist()
    for part in ("validation", "test"):
        assert seen.indices(part).tolist() == faces.indices(part).tolist()
    whole = of_proxy_set(faces, params.model_copy(update={"proxy_share": 1.0}))
    assert whole.indices("train").tolist() == faces.indices("train").tolist()


def test_the_results_are_those_of_a_search_and_retraining_inherits_all(
    setup, lut, faces, space, tmp_path
):
    search = searching(setup, lut)
    ranked = search.run()
    write_results(search, ranked, "mine", tmp_path)
    record = read_json(tmp_path / "architecture.json")
    assert record["choice"] == record["candidates"][0] == list(ranked[0].choice)
    assert [sum(p.values()) for p in record["probabilities"]] == pytest.approx([1, 1, 1])
    metrics = read_json(tmp_path / "metrics.json")
    assert metrics["search_val_nme"] == ranked[0].nme
    assert metrics["search_net_epochs"] == sum(max(s) for s in search.scores.values())
    assert len(read_csv(tmp_path / "history.csv")) == 3
    assert len(read_csv(tmp_path / "candidates.csv")) == 3
    assert ranked[0].nme == pytest.approx(
        float(read_csv(tmp_path / "candidates.csv")[0]["val_nme"])
    )
    assert f"{ranked[0].nme:.2%}" in line(search, ranked)

    supernet = load_weights(tmp_path / "supernet.safetensors")
    params = RetrainParams(epochs=1, min_steps=0, lr=1e-12, warmup_epochs=0, ema=0.0, augment=False)
    trained = finetune(ranked[0].choice, faces, space, supernet, params)
    fresh = finetune(ranked[0].choice, faces, space, {}, params)
    assert trained.inherited == len(trained.weights)
    # An epoch at no rate moves the statistics of batch norm alone.
    name = next(iter(trained.weights))
    assert not torch.equal(trained.weights[name], fresh.weights[name])
    assert torch.allclose(trained.weights[name], supernet[f"net.{name}"])


def die_after(setup, lut, saves):
    """Search, and be killed once so many states are saved."""
    counter, save = count(1), Checkpoint.save

    def save_or_die(self, state):
        save(self, state)
        if next(counter) == saves:
            os.kill(os.getpid(), signal.SIGKILL)

    Checkpoint.save = save_or_die
    searching(setup, lut).run()


@pytest.mark.parametrize("saves", [2, 6])
def test_a_killed_search_ends_with_the_same_result(setup, lut, tmp_path, saves):
    unbroken = searching(setup, lut)
    expected = unbroken.run()
    again = replace(setup, folder=tmp_path / "again")
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=die_after, args=(again, lut, saves))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    done = {path: path.stat().st_mtime_ns for path in again.folder.rglob("epoch-*.json")}
    assert done
    resumed = searching(again, lut)
    assert resumed.run() == expected
    assert (resumed.history, resumed.scores) == (unbroken.history, unbroken.scores)
    assert {path: path.stat().st_mtime_ns for path in done} == done


def test_a_training_goes_to_another_process_whole(setup, space):
    choice = tuple(ops[0] for ops in space.layer_ops)
    work, arguments = pickle.loads(pickle.dumps((train, (setup, choice, 1))))
    score = work(*arguments)
    assert score == train(setup, choice, 1)
    assert score.nme == score.quality > 0


def test_the_sum_with_a_cost_takes_the_loss_that_is_searched(setup, space):
    choice = tuple(ops[0] for ops in space.layer_ops)
    score = train(changed(setup, mode="add"), choice, 1)
    assert score.quality > 2 * score.nme


def test_a_budget_bounds_all_that_is_trained(setup, lut):
    """One block of a layer costs 1, the others 21, the fixed part 1."""
    few = SHORT.model_copy(update={"nets": 2})
    params = {"mode": "target", "target_ms": 45.0, "cost": "latency"}
    search = searching(changed(setup, **params, predictor=few), lut)
    costs = [cost_of(lut, choice) for choice in search.pool()]
    assert costs == [44.0] * len(costs) and costs
    many = searching(changed(setup, **params), lut)
    assert {cost_of(lut, choice) for choice in many.pool()} == {4.0, 24.0, 44.0}
    seed = next(s for s in range(9) if cost_of(lut, next(draws(lut, 1, s))) > 4.0)
    one = few.model_copy(update={"pool": 1})
    none = changed(setup, **params | {"target_ms": 4.0, "seed": seed, "predictor": one})
    with pytest.raises(BadInput, match=r"search\.predictor\.pool: none of 1 drawn nets costs 4 ms"):
        searching(none, lut).pool()


def test_nets_that_left_are_taken_as_good_as_the_others_became(setup, lut):
    search = searching(setup, lut)
    a, b, c = search.pool()[:3]
    nmes = {a: {1: 0.4, 2: 0.2}, b: {1: 0.6}, c: {2: 0.1}}
    search.scores = {
        choice: {epoch: Score(nme, nme, 1.0) for epoch, nme in by_epoch.items()}
        for choice, by_epoch in nmes.items()
    }
    assert search.at_the_end([a, b, c]).tolist() == pytest.approx([0.2, 0.3, 0.1])
