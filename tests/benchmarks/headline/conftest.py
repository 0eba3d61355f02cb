"""A comparison small enough for seconds: 32-pixel faces, two epochs."""

from dataclasses import replace

import pytest

from benchmarks.core.faces import identity
from benchmarks.core.ledger import Ledger
from benchmarks.headline import PHOTOGRAPHS, RENDERED, SUBNET, Recipe
from benchmarks.headline.__main__ import Plan
from benchmarks.headline.work import Inputs, Subnet

FEW = {SUBNET: 2, "lite": 2}
RUNS = {RENDERED: FEW, PHOTOGRAPHS: FEW}
RECIPES = {
    "one": Recipe(
        epochs={RENDERED: 2, PHOTOGRAPHS: 3},
        retrain={"loss": "wing", "batch": 22, "min_steps": 0},
        runs=RUNS,
        rates=dict.fromkeys(FEW, (1e-6, 1e-2)),
        trial_share=0.5,
    ),
    "best": Recipe(
        epochs={RENDERED: 1, PHOTOGRAPHS: 1},
        retrain={"loss": "smooth_wing", "batch": 22, "min_steps": 0},
        runs=RUNS,
        tuned_by="one",
        teachers={(PHOTOGRAPHS, SUBNET): ("lite", "best")},
        start={PHOTOGRAPHS: (RENDERED, "one")},
    ),
}


@pytest.fixture
def plan(faces, space, tmp_path):
    subnet = Subnet(space, ("sep_k3", "mb_k3", "skip"))
    inputs = {data: Inputs(tmp_path / data, subnet) for data in (RENDERED, PHOTOGRAPHS)}
    for data, each in inputs.items():
        replace(faces, layout=data).save(each.faces)
    return Plan(RECIPES, dict.fromkeys(inputs, identity(faces)), inputs)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "records", tmp_path / "work")
