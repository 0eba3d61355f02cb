"""A comparison small enough for seconds: 32-pixel faces, two epochs."""

import json
from dataclasses import replace

import pytest

from benchmarks.headline.recipes import PHOTOGRAPHS, RENDERED, SUBNET, Recipe
from benchmarks.headline.setting import Setting
from stages.params import Params

FEW = {SUBNET: 2, "lite": 2}
RUNS = {RENDERED: FEW, PHOTOGRAPHS: FEW}
CHOICE = ("sep_k3", "mb_k3", "skip")
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
def setting(faces, space, tmp_path):
    sources = {name: tmp_path / name for name in (RENDERED, PHOTOGRAPHS)}
    for folder in sources.values():
        replace(faces, layout=folder.name).save(folder)
    searched = tmp_path / "architecture.json"
    searched.write_text(json.dumps({"choice": CHOICE, "space": "small"}))
    params = Params(space="small", spaces={"small": space})
    paths = {"results": "results", "work": "work", "page": "page.md", "readme": "readme.md"}
    places = {name: tmp_path / path for name, path in paths.items()}
    return Setting(params, sources, searched, RECIPES, **places)
