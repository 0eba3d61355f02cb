"""Nets that learn from few photographs: who sees which, a run from end to end, the page."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.core.ledger import Ledger
from benchmarks.photographs import PLAN, RETRAIN, Plan
from benchmarks.photographs.__main__ import jobs
from benchmarks.photographs.table import draw_curve, runs_of, summary
from benchmarks.photographs.work import few
from fbnet.faces.faceset import FaceSet
from fbnet.params import AugmentParams, RetrainParams

MakeFaces = Callable[..., FaceSet]
STARTS = ("rendered", "scratch")
RATES = {
    **{(start, None): (1e-6, 1e-3) for start in ("rendered", "scratch")},
    ("rendered", 4): (2e-3,),
}


def test_the_recipe_is_stated_in_full() -> None:
    stated = RETRAIN.keys() | {"seed", "lr"}
    stated |= {"candidates", "inherit", "heads_epochs", "heads_faces", "heads_lr"}
    assert stated >= RetrainParams.model_fields.keys()
    assert PLAN.augment.keys() == AugmentParams.model_fields.keys()


@pytest.mark.parametrize("draw", [1, 4])
def test_learned_and_tested_photographs_are_apart(make_faces: MakeFaces, draw: int) -> None:
    faces = make_faces(count=80, points=68, size=16, margin=2)  # two of each person

    def people(chosen: FaceSet, *splits: str) -> set[str]:
        return {faces.groups[i] for split in splits for i in chosen.indices(split)}

    every, small, large = (few(faces, draw, count) for count in (None, 5, 20))
    np.testing.assert_array_equal(small.indices("test"), every.indices("test"))
    assert len(people(every, "test")) == 8
    for chosen, count, validation in ((small, 5, 1), (large, 20, 2)):
        assert len(people(chosen, "train", "validation")) == count
        assert len(people(chosen, "validation")) == validation
        assert not people(chosen, "train") & people(chosen, "validation")
        assert not people(chosen, "train", "validation") & people(every, "test")
    assert people(small, "train", "validation") < people(large, "train", "validation")


def test_draws_are_tested_on_different_photographs(make_faces: MakeFaces) -> None:
    faces = make_faces(count=40, points=68, size=16, margin=2)
    tested = [set(few(faces, draw, 3).indices("test").tolist()) for draw in range(1, 6)]
    assert set.union(*tested) == set(range(40))
    assert sum(map(len, tested)) == 40


def test_counts_that_are_all_there_is_are_one_row() -> None:
    names = {"rendered/200-1": 0.04, "rendered/200-2": 0.05, "rendered/all-1": 0.06}
    results = {name: {"photographs": 150, "nme": nme} for name, nme in names.items()}
    assert {
        count: [run["nme"] for run in runs] for count, runs in runs_of(results, "rendered").items()
    } == {150: [0.04, 0.05, 0.06]}


def test_from_photographs_to_the_page(tmp_path: Path, make_faces: MakeFaces) -> None:
    make_faces(count=30, points=68, size=112, margin=24).save(tmp_path / "faces")
    plan = Plan(
        counts=(4, None), draws=2, rates=RATES, trial_epochs=1,
        retrain={**RETRAIN, "epochs": 1, "min_steps": 1, "batch": 8, "warmup_epochs": 0.0},
    )  # fmt: skip
    ledger = Ledger(tmp_path / "records", tmp_path / "work")
    assert "No training" in next(iter(summary(ledger).pages.values()))["few"]
    declared = jobs(Namespace(photographs=tmp_path / "faces"), ledger, plan)
    ledger.run(declared)
    results = ledger.results()
    assert set(results) == {
        *(f"rendered/0-{draw}" for draw in (1, 2)),
        *(f"rates/{start}-all-{rate}" for start in STARTS for rate in ("1e-06", 0.001)),
        "rates/rendered-4-0.002",
        *(f"{start}/{count}-{draw}" for start in STARTS for count in (4, "all") for draw in (1, 2)),
    }  # fmt: skip
    best = min((results[f"rates/scratch-all-{rate}"] for rate in ("1e-06", 0.001)),
               key=lambda trial: trial["val_nme"])  # fmt: skip
    assert results["scratch/4-1"]["rate"] == best["rate"]
    assert results["rendered/4-1"]["rate"] == 0.002, "it has a trial of its own"
    assert results["scratch/4-1"]["photographs"] == 4
    assert results["rendered/4-2"]["nme"] != results["scratch/4-2"]["nme"]
    runs = {start: runs_of(results, start) for start in STARTS}
    assert list(runs["rendered"]) == [0, 4, 12] and list(runs["scratch"]) == [4, 12]
    (sections,) = summary(ledger).pages.values()
    assert sections["few"].count("\n") == 4 and "±" in sections["few"]
    draw_curve(runs, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000
    assert all(ledger.finished(job) for job in declared)
