"""The jobs: what there is to do, what a result depends on, what a record holds."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.core.faces import load_faces
from benchmarks.ranking import PLAN, RETRAIN, SEARCH, work
from fbnet.costs.lut import cost_of
from fbnet.files import read_json, write_json
from fbnet.params import RetrainParams, SearchParams
from tests.benchmarks.ranking.conftest import CHOICE


def training_of(choice, seed, declared):
    (job,) = (
        job
        for job in declared.values()
        if job.setting.get("choice") == list(choice)
        and job.setting.get("seed") == seed
        and not job.setting.get("supernet")
    )
    return job


def test_the_plan_states_every_key_of_its_search_and_of_its_own_training():
    """A further changed default of the search shows here: state it in the plan, and search anew."""
    since = {"beta": 0.6, "warmup_epochs": 5, "min_steps": 800, "arch_batch": 32, "lr": 2e-3}
    assert SearchParams(**SEARCH) == SearchParams(proxy_share=1.0, start="nni", **since)
    apart = {"method", "predictor", "seed", "target_ms", "target_macs", "target_weight"}
    assert SEARCH.keys() | apart >= SearchParams.model_fields.keys()
    apart = {"seed", "inherit", "start", "candidates", "heads_epochs", "heads_faces", "heads_lr"}
    assert RETRAIN.keys() | apart >= RetrainParams.model_fields.keys()


def test_trainings_follow_from_sample_and_searches(declared, ledger, plan):
    names = list(declared())
    searches = [n for n in names if n.startswith("searches/")]
    assert names[0] == "sample" and "inherited" in names
    assert len(searches) == 2 + 2 + 2 + 2
    assert [n.rpartition("-")[2] for n in names if n.startswith("trainings/")] == [
        "1", "2", "inherited",
    ]  # fmt: skip
    ledger.run([declared()["sample"]])
    sample = ledger.results()["sample"]["choices"]
    jobs = list(declared().values())
    seeds = [job.setting["seed"] for job in jobs if job.name.startswith("trainings/")]
    count = len({CHOICE, *map(tuple, sample)})
    assert seeds == [1] * count + [2] * count + [1]
    other = declared()["searches/leak"]
    ledger.record(other, {"choice": ["skip", "mb_k3", "skip"]})
    added = [
        job for job in declared().values() if job.setting.get("choice") == ["skip", "mb_k3", "skip"]
    ]
    assert [job.setting["seed"] for job in added] == [1]


@pytest.mark.parametrize(
    ("change", "concerned"),
    [
        ({"search": {**PLAN.search, "beta": 0.123}}, ("searches", "inherited")),
        ({"retrain": {**RETRAIN, "lr": 0.5}}, ("trainings",)),
        ({"count": 5}, ("sample", "inherited")),
    ],
)
def test_digests_depend_on_what_the_results_do(declared, plan, change, concerned):
    one, other = declared(), declared(replace(plan, **change))
    changed = {name.partition("/")[0] for name in one if one[name].digest != other[name].digest}
    assert changed == set(concerned)


def test_other_faces_and_tables_are_other_jobs(declared, given, faces, tmp_path):
    one = declared()
    replace(faces, names=[f"other {name}" for name in faces.names]).save(tmp_path / "others")
    other = declared(faces=tmp_path / "others")
    same = [name for name in one if one[name].digest == other[name].digest]
    assert same == ["sample"]
    table = read_json(given.lut)
    write_json(tmp_path / "slower.json", table | {"fixed": {"macs": 1, "params": 1}})
    other = declared(lut=tmp_path / "slower.json")
    same = {name for name in one if one[name].digest == other[name].digest}
    assert {name for name in same if name.startswith("searches/")} == {
        name for name in one if name.startswith("searches/budget")
    }


def test_a_training_leaves_its_figures(declared, ledger):
    one, two = (training_of(CHOICE, seed, declared()) for seed in (1, 2))
    ledger.run([one, two])
    result = ledger.result(one)
    assert result["choice"] == list(CHOICE) and result["seed"] == 1
    assert result["history"] == [[1.0, result["val_nme"]]]
    assert result["test_nme"] != result["val_nme"] > 0
    assert result["macs"] > result["params"] > 0
    assert ledger.result(two)["val_nme"] != result["val_nme"]


def test_inheriting_starts_from_the_supernet(declared, ledger, monkeypatch):
    tensors = []

    def finetune(choice, faces, space, supernet, *rest):
        tensors.append(len(supernet))
        raise ZeroDivisionError

    monkeypatch.setattr(work, "finetune", finetune)
    scratch = training_of(CHOICE, 1, declared())
    for job in (scratch, declared()[f"{scratch.name}-inherited"]):
        with pytest.raises(ZeroDivisionError):
            ledger.run([job])
    assert tensors[0] == 0 < tensors[1]


@pytest.mark.parametrize("name", ["base", "seed_1"])
def test_a_search_leaves_what_the_table_shows(declared, ledger, name):
    job = declared()[f"searches/{name}"]
    ledger.run([job])
    result = ledger.result(job)
    assert len(result["choice"]) == 3 and result["unit"] == "MACs"
    assert result["cost"] == result["macs"]
    assert [len(layers) for layers in result["entropy"]] == [3, 3] and result["arch_steps"] > 0
    assert result["entropy"][0] == pytest.approx([1, 1, 1])
    assert max(result["entropy"][1]) < 1
    assert result["inherited_nme"] > 0 and "own_cost" not in result


def test_a_search_goes_by_the_table_it_is_given(declared, ledger, plan, lut):
    (table,) = plan.tables
    doubled = read_json(table)
    doubled["fixed"]["macs"] *= 2
    write_json(table, doubled)
    job = declared()["searches/seed_1_kit"]
    ledger.run([job])
    result = ledger.result(job)
    assert result["cost"] - result["macs"] == lut.fixed
    assert result["own_cost"] == result["macs"]


def test_searches_keep_their_budgets(declared, ledger, plan, lut):
    for budget in plan.budgets:
        job = declared()[f"searches/budget_{budget:g}"]
        ledger.run([job])
        result = ledger.result(job)
        assert result["cost"] == cost_of(lut, result["choice"]) <= budget


def test_the_sample_is_scored_under_the_supernet(declared, ledger, given, lut):
    job = declared()["inherited"]
    ledger.run([job])
    result, sample = ledger.result(job), ledger.results()["sample"]["choices"]
    assert result["costs"] == [cost_of(lut, choice) for choice in sample]
    assert len(result["nmes"]) == 4 and np.all(np.array(result["nmes"]) > 0)
    assert (result["choice"], result["unit"]) == (list(CHOICE), "MACs")
    assert load_faces(given.faces, ledger.work).size == 32
