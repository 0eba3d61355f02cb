"""A benchmark of seconds: three small layers, sixty faces, in a folder of its own."""

from argparse import Namespace
from dataclasses import replace

import pytest

from benchmarks.core.ledger import Ledger
from benchmarks.ranking import PLAN, VARIANTS
from benchmarks.ranking.__main__ import jobs
from fbnet.costs.lut import cost_range, from_table
from fbnet.costs.macs import macs_table
from fbnet.files import write_json
from fbnet.params import SearchParams
from fbnet.search.supernet import build_supernet
from fbnet.training.checkpoints import save_weights

CHOICE = ("sep_k3", "mb_k3", "gh_k3")
SEARCH = {
    "cost": "macs", "epochs": 2, "warmup_epochs": 1, "min_steps": 0, "batch": 16, "arch_batch": 4,
    "nas_lr": 6.0, "augment": False, "calibration_faces": 16, "candidates": 1,
}  # fmt: skip


@pytest.fixture(scope="session")
def lut(space, faces):
    return from_table(macs_table(space, faces.points, faces.size), space)


@pytest.fixture
def search_params():
    return SearchParams(**SEARCH)


@pytest.fixture
def given(tmp_path, space, faces):
    """What the pipeline's stages leave, as options."""
    given = Namespace(
        faces=tmp_path / "faces", lut=tmp_path / "macs.json", searched=tmp_path / "search"
    )
    faces.save(given.faces)
    for file in (given.lut, tmp_path / "kit.json"):
        write_json(file, macs_table(space, faces.points, faces.size))
    write_json(given.searched / "architecture.json", {"choice": CHOICE})
    supernet = build_supernet(space, faces.points, faces.size, seed=1)
    weights = {f"net.{name}": value for name, value in supernet.state_dict().items()}
    save_weights(given.searched / "supernet.safetensors", weights)
    return given


@pytest.fixture
def plan(lut, tmp_path):
    low, high = cost_range(lut)
    return replace(
        PLAN, count=4, pool=400,
        search=SEARCH, search_seeds=(1, 2), tables=(tmp_path / "kit.json",),
        budgets=((low + high) / 2, high), variants={n: VARIANTS[n] for n in ("base", "leak")},
        reduced=PLAN.reduced | {"arch_batch": 4}, resamples=20,
        retrain={"epochs": 1, "min_steps": 0, "batch": 16, "augment": False, "warmup_epochs": 0.0},
    )  # fmt: skip


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "records", tmp_path / "work")


@pytest.fixture
def declared(given, plan, space, ledger):
    """All jobs by name, as known from the records that are there; of a changed plan or input."""

    def declare(plan=plan, **options):
        options = Namespace(**{**vars(given), **options})
        return {job.name: job for job in jobs(options, ledger, plan, space)}

    return declare
