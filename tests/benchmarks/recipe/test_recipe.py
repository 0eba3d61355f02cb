"""The trials of recipes: settings in full, a trial from end to end, the page from records."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import recipe
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.recipe.table import curves, draw_curves, summary
from benchmarks.recipe.trial import record, train
from benchmarks.synthetic.trial import Inputs
from fbnet.params import AugmentParams, RetrainParams

ROOT = Path(__file__).parents[3]


def test_every_trial_states_its_recipe_in_full():
    records = set()
    for name in recipe.TRIALS:
        setting = recipe.setting(name)
        RetrainParams(**setting["retrain"])
        stated = setting["retrain"].keys() | {"seed", "epochs", "min_steps"}
        stated |= {"candidates", "inherit", "augment", "heads_epochs", "heads_faces", "heads_lr"}
        assert stated >= RetrainParams.model_fields.keys()
        assert setting["augment"].keys() == AugmentParams.model_fields.keys()
        records.add(record(name))
    assert len(records) == len(recipe.TRIALS)


def test_a_trial_changes_what_it_says_and_nothing_else():
    base, other = recipe.setting("base"), recipe.setting("weight decay 0.05")
    assert other["retrain"] == base["retrain"] | {"weight_decay": 0.05}
    assert {k: v for k, v in other.items() if k != "retrain"} == {
        k: v for k, v in base.items() if k != "retrain"
    }


def test_a_trial_is_trained_scored_and_shown(tmp_path, monkeypatch, make_faces):
    photographs = make_faces(count=12, points=68, size=112, margin=24)
    photographs.save(tmp_path / "photographs")
    rendered = {"train": 24, "test": 6, "points": 68, "supersampling": 1}
    setting = recipe.setting("base") | {"rendered": rendered, "seen": 44, "head": "x"}
    setting["retrain"] = setting["retrain"] | {"batch": 8, "warmup_epochs": 0.0}
    ledger = Ledger(tmp_path / "records", tmp_path / "work")
    inputs = Inputs(ROOT / "data", tmp_path / "photographs")
    ledger.run([Job(record("base"), setting, train, inputs)])
    result = ledger.results()["base"]
    assert result["epochs"] == 2 and result["seen"] == 44 and result["steps"] == 6
    assert all(np.isfinite(result[k]) for k in ("val_nme", "test_nme", "choosing_nme", "final_nme"))
    assert result["curve"][-1] == [2.0, pytest.approx(result["val_nme"], abs=1.0)]
    shown = summary(ledger)
    (sections,) = shown.pages.values()
    assert "| base | 6 |" in sections["recipe"]
    assert not shown.pictures
    assert curves({"base": result, "4,800": result}) == {
        "faces rendered": {2400.0: "base", 4800.0: "4,800"}
    }
    draw_curves({"base": result, "4,800": result}, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_photographs_are_asked_for(tmp_path, capsys):
    from benchmarks.recipe.__main__ import BENCHMARK

    ledger = Ledger(tmp_path / "records", tmp_path / "work")
    assert BENCHMARK.main(["plan"], ledger) == 2
    assert "--photographs" in capsys.readouterr().err
