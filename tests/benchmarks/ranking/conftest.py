"""A benchmark of seconds: three small layers, sixty faces, in a folder of its own."""

from pathlib import Path

import pytest

from benchmarks.ranking import params as own
from benchmarks.ranking.report import QUOTED
from benchmarks.ranking.setting import Setting
from fbnet.costs.lut import Lut, cost_range, from_table
from fbnet.costs.macs import macs_table
from fbnet.faces.faceset import FaceSet
from fbnet.files import write_json
from fbnet.params import RetrainParams, SearchParams, SpaceParams
from fbnet.search.supernet import build_supernet
from fbnet.training.checkpoints import save_weights
from stages.params import Params
from stages.results import Results

CHOICE = ("sep_k3", "mb_k3", "gh_k3")


@pytest.fixture(scope="session")
def lut(space: SpaceParams, faces: FaceSet) -> Lut:
    return from_table(macs_table(space, faces.points, faces.size), space)


@pytest.fixture
def search_params() -> SearchParams:
    return SearchParams(
        cost="macs", epochs=2, warmup_epochs=1, min_steps=0, batch=16, arch_batch=4, nas_lr=6.0,
        augment=False, calibration_faces=16, candidates=1,
    )  # fmt: skip


@pytest.fixture
def setting(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    space: SpaceParams,
    faces: FaceSet,
    search_params: SearchParams,
    lut: Lut,
) -> Setting:
    """What the pipeline's stages leave, in a folder that is now the working one."""
    monkeypatch.chdir(tmp_path)
    faces.save(Results().faces)
    write_json(Results().lut("macs"), macs_table(space, faces.points, faces.size))
    other = tmp_path / "kit.json"
    write_json(other, macs_table(space, faces.points, faces.size))
    write_json(Results().searched, {"choice": CHOICE})
    supernet = build_supernet(space, faces.points, faces.size, seed=1)
    save_weights(Results().supernet, {f"net.{k}": v for k, v in supernet.state_dict().items()})
    retrain = RetrainParams(batch=16, augment=False, warmup_epochs=0.0)
    params = Params(spaces={"nni": space}, search=search_params, retrain=retrain)
    ranking = own.load()
    low, high = cost_range(lut)
    budgets = ((low + high) / 2, high)
    searches = {"seeds": (1, 2), "tables": (other,), "budgets": budgets}
    small = {
        "sample": ranking.sample.model_copy(update={"count": 4, "pool": 400}),
        "recipe": ranking.recipe.model_copy(update={"epochs": 1}),
        "searches": ranking.searches.model_copy(update=searches),
        "ablations": ranking.ablations.model_copy(update={"arch_batch": 4}),
        "verdict": ranking.verdict.model_copy(update={"resamples": 20}),
        "run": ranking.run.model_copy(update={"processes": 1}),
    }
    page = tmp_path / "search.md"
    page.write_text("".join(f"<!-- {name} -->\n<!-- end {name} -->\n" for name in QUOTED))
    ranking = ranking.model_copy(update=small)
    return Setting(params, ranking, results=tmp_path / "made", page=page)
