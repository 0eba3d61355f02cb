"""The front: searches keep their budgets, and validation decides who is on it."""

import pytest

from benchmarks.ranking import front, jobs, searches
from fbnet.costs.lut import cost_of
from fbnet.errors import BadInput
from fbnet.files import read_json, write_json


@pytest.fixture
def done(setting, lut):
    """All searches, and trainings whose errors fall with cost; the second seed is 0.02 worse."""
    held = list(searches.by_budget(setting).values())
    jobs.run(held, "searches")
    choices = [tuple(read_json(job.path)["choice"]) for job in held]
    sample = [("sep_k3", "mb_k3", "skip"), ("sep_k3", "mb_k3", "gh_k3")]
    write_json(setting.results / "architectures.json", sample)
    for seed in setting.ranking.recipe.seeds:
        for choice in [*choices, *sample]:
            macs = cost_of(lut, choice)
            nme = 1e5 / macs + 0.02 * (seed - 1)
            record = {"choice": choice, "macs": macs, "val_nme": nme, "test_nme": nme + 0.01}
            write_json(setting.ledger.job(choice, seed).path, record)
    return setting


def test_searches_keep_their_budgets(done, lut):
    budgets = done.ranking.searches.budgets
    for job, budget in zip(searches.by_budget(done).values(), budgets, strict=True):
        found = read_json(job.path)
        assert found["unit"] == "MACs"
        assert found["cost"] == cost_of(lut, found["choice"]) <= budget


def test_the_summary_means_over_seeds(done):
    found = front.summary(done)
    assert found["seed_spread"] == pytest.approx(0.02 / 2**0.5)
    assert len(found["sampled"]) == 2
    for point in (*found["searched"], *found["sampled"]):
        assert point["val_nme"] == pytest.approx(1e5 / point["macs"] + 0.01)
        assert point["test_nme"] == pytest.approx(point["val_nme"] + 0.01)


def test_a_missing_training_is_named(done):
    missing = done.ledger.job(done.sample[1], 2).path
    missing.unlink()
    with pytest.raises(BadInput, match=f"{missing.name} is not there; run the steps"):
        front.summary(done)


def test_validation_decides():
    points = [
        {"macs": 3, "val_nme": 0.4, "test_nme": 0.1},
        {"macs": 1, "val_nme": 0.5, "test_nme": 0.9},
        {"macs": 2, "val_nme": 0.3, "test_nme": 0.8},
        {"macs": 2, "val_nme": 0.6, "test_nme": 0.1},
    ]
    assert front.best_so_far(points) == [points[1], points[2]]
