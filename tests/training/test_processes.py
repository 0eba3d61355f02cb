"""Training by several processes: real ones, started by Fabric and by torchrun's variables."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from fbnet.errors import BadInput, ProcessLost
from fbnet.faces.faceset import FaceSet
from fbnet.files import write_bytes
from fbnet.params import SpaceParams
from fbnet.training.checkpoints import checkpoint
from fbnet.training.learner import Shards
from tests.waiting import started

ROOT = Path(__file__).parents[2]
TRAINER = """
import sys
from pathlib import Path
from fbnet.faces.faceset import FaceSet
from fbnet.files import read_json, write_json
from fbnet.nets.pfld import build_subnet
from fbnet.params import RetrainParams, SearchParams, SpaceParams
from fbnet.params import TrainParams
from fbnet.search.loop import Search
from fbnet.costs.lut import Lut
from fbnet.training.checkpoints import checkpoint
from fbnet.training.device import launch
from fbnet.training.retrain import Retraining

folder = Path(sys.argv[1])
given = read_json(folder / "given.json")
space, faces = SpaceParams(**given["space"]), FaceSet.load(folder / "faces")
train = TrainParams(threads=1, **given["train"])
fabric = launch(train)
choice = [ops[0] for ops in space.layer_ops]
layers = tuple({name: 1.0 + i for i, name in enumerate(ops)} for ops in space.layer_ops)
lut = Lut("ms", layers, 1.0, "test")
search = Search(
    faces, space, lut, SearchParams(**given["search"]), fabric=fabric, shards=train.shards
)
with checkpoint(folder, "search", "key", fabric) as saved:
    if given["stop"]:
        search.run_epoch()
        saved.save(search.state())
        sys.exit()
    search.run(saved)
net = build_subnet(space, faces.points, choice, faces.size)
retraining = Retraining(
    faces, net, None, RetrainParams(**given["retrain"]), fabric=fabric, shards=train.shards
)
retraining.run()
print("rank", fabric.global_rank)
if fabric.is_global_zero:
    histories = {"search": search.history, "retrain": retraining.history}
    write_json(folder / "histories.json", histories)
"""
SEARCH = {
    "proxy_share": 1.0,
    "epochs": 2,
    "warmup_epochs": 1,
    "min_steps": 0,
    "batch": 16,
    "arch_batch": 3,
    "nas_lr": 3.0,
    "lr": 1e-3,
    "augment": False,
    "calibration_faces": 16,
}
RETRAIN = {"epochs": 2, "min_steps": 0, "batch": 15, "warmup_epochs": 0.0, "ema": 0.5, "lr": 1e-3}
ONE, TWO = {"devices": 1, "shards": 2}, {"devices": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def train(folder: Path, faces: FaceSet, space: SpaceParams) -> Any:
    faces.save(folder / "faces")
    (folder / "trainer.py").write_text(TRAINER)

    def run(stop: bool = False, **settings: Any) -> dict[str, list[dict[str, float]]]:
        given = {"space": space.model_dump(), "search": SEARCH, "retrain": RETRAIN}
        text = json.dumps(given | {"train": settings, "stop": stop})
        (folder / "given.json").write_text(text)
        done = subprocess.run(
            [sys.executable, "trainer.py", str(folder)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return {} if stop else json.loads((folder / "histories.json").read_text())

    return run


@pytest.fixture(scope="module")
def expected(train: Any) -> Any:
    return train(**ONE)


def assert_same(histories: Any, expected: Any) -> None:
    for name, rows in expected.items():
        assert len(histories[name]) == len(rows)
        for row, wanted in zip(histories[name], rows, strict=True):
            assert row == pytest.approx(wanted, rel=1e-5, abs=1e-5), name


def test_two_processes_train_as_one_that_accumulates_their_shards(
    train: Any, expected: Any
) -> None:
    # Batches do not divide evenly, and the last has three faces.
    assert "arch_loss" in expected["search"][1]
    assert_same(train(**TWO), expected)


def test_a_search_of_two_processes_is_resumed_by_one(train: Any, expected: Any) -> None:
    train(stop=True, **TWO)
    assert_same(train(**ONE), expected)


def test_all_processes_of_a_run_that_waited_load_the_same_state(
    train: Any, expected: Any, folder: Path
) -> None:
    train(stop=True, **ONE)
    state = folder / "search-key/state.pt"
    data = state.read_bytes()
    state.unlink()
    given = json.loads((folder / "given.json").read_text()) | {"train": TWO, "stop": False}
    (folder / "given.json").write_text(json.dumps(given))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-u", "trainer.py", str(folder)]
    with pytest.raises(RuntimeError), checkpoint(folder, "search", "key") as saved:
        with started(command, cwd=folder, env=environment, stdout=subprocess.PIPE) as second:
            assert second.stdout is not None and b"waiting for process" in second.stdout.readline()
            write_bytes(state, data)  # as of a run that is killed later
            saved.folder.joinpath("lock").unlink()
            assert second.wait(300) == 0
        raise RuntimeError("killed")
    assert_same(json.loads((folder / "histories.json").read_text()), expected)


def test_the_loss_of_another_process_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Two:
        world_size, device = 2, torch.device("cpu")

    def closed(*_: Any) -> None:
        raise RuntimeError("[gloo/transport/tcp/pair.cc] Connection closed by peer [127.0.0.1]")

    monkeypatch.setattr(torch.distributed, "all_reduce", closed)
    with pytest.raises(ProcessLost, match="another process of this training has ended"):
        Shards(Two(), 2).average_statistics(nn.BatchNorm2d(3))


def test_shards_that_cannot_be_shared_are_refused(fabric: Fabric) -> None:
    class Three:
        world_size = 3

    with pytest.raises(BadInput, match=r"train\.shards: 4 shards .* 3 processes"):
        Shards(Three(), 4)
