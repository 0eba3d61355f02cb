"""One of each kind, written in this file, goes the whole way: faces, LUT, search, training, export.

What a program outside the package has to do to add a reader, a block, an engine, a loss, an
optimiser and an augmentation is what stands here: an implementation and a `register`.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fbnet.costs.lut import from_table
from fbnet.costs.measure import latency_table
from fbnet.engines import ENGINES
from fbnet.engines.base import Engine
from fbnet.export.onnx import export_onnx, landmarks
from fbnet.export.variants import Trial, publish
from fbnet.faces.prepare import prepare
from fbnet.faces.readers.base import Problems, Reader
from fbnet.faces.readers.photographs import photographs
from fbnet.faces.readers.records import Record
from fbnet.nets.pfld import build_subnet
from fbnet.params import (
    AugmentParams,
    ExportParams,
    FetchParams,
    LutParams,
    RetrainParams,
    SearchParams,
    SpaceParams,
    StageParams,
)
from fbnet.registry import Registry
from fbnet.search.finetune import finetune
from fbnet.search.loop import Search
from fbnet.tables import BLOCKS, LOSSES, OPTIMIZERS, READERS
from fbnet.training.augment import AUGMENTATIONS, Augmentation
from fbnet.training.losses import LandmarkLoss
from tests.drawn import photo_points, write_picture

FACES, SIZE, POINTS = 48, 32, 68


# ------------------------------------------------------------------ what a user would write
def list_table(root: Path, problems: Problems) -> list[Record]:
    """Layout `table`: faces.csv with a picture's name and x, y of each point in pixels."""
    with open(root / "faces.csv", newline="") as stream:
        return [
            Record(root / name, name, f"faces.csv:{line}", np.array(xy, float).reshape(-1, 2), name)
            for line, (name, *xy) in enumerate(csv.reader(stream), 1)
        ]


class TwoConvolutions(nn.Module):
    """Block `twice`: two 3x3 convolutions."""

    def __init__(self, c_in: int, c_out: int, stride: int, size: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(c_out)
        self.second = nn.Conv2d(c_out, c_out, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.relu(self.norm(self.first(x))))


def huber(residuals: Tensor) -> Tensor:
    """Loss `huber`."""
    return nn.functional.huber_loss(
        residuals, torch.zeros_like(residuals), reduction="none", delta=0.02
    )


def sgd(parameters, *, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """Optimiser `sgd`."""
    return torch.optim.SGD(parameters, lr=lr, weight_decay=weight_decay, momentum=0.9)


def invert(crop, draws, rng, params):
    """Augmentation `invert`: one crop in ten as a negative."""
    return 255 - crop if draws[0] < 0.1 else crop


def convert(data, precision, calibration):
    """Engine `toy`: an ONNX file under another suffix, run by onnxruntime."""
    return {".toy": data}


def open_session(engine, model, threads):
    session = engine.InferenceSession(model[".toy"], providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


TOY = Engine(
    name="toy", distribution="onnxruntime", module="onnxruntime", implementation=__name__,
    suffixes=(".toy",),
)  # fmt: skip


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register them; afterwards the tables are as before."""
    for table in (READERS, LOSSES, OPTIMIZERS, ENGINES, AUGMENTATIONS, BLOCKS._builders):
        assert isinstance(table, Registry)
        monkeypatch.setattr(table, "_entries", dict(table._entries))
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    READERS.register(
        "table",
        Reader(
            looks_for="faces.csv",
            detect=lambda root: "faces.csv" if (root / "faces.csv").is_file() else None,
            read=photographs(list_table),
        ),
    )
    BLOCKS.register("twice", TwoConvolutions)
    LOSSES.register("huber", LandmarkLoss(huber))
    OPTIMIZERS.register("sgd", sgd)
    AUGMENTATIONS.register("invert", Augmentation(1, invert))
    ENGINES.register("toy", TOY)


# ---------------------------------------------------------------------------- the whole way
def test_one_of_each_goes_the_whole_way(registered: None, tmp_path: Path) -> None:
    rows = []
    for number in range(FACES):
        points = photo_points(POINTS, number)
        write_picture(tmp_path / "data" / f"{number}.png", points)
        rows.append(",".join([f"{number}.png", *map(str, points.ravel())]))
    (tmp_path / "data/faces.csv").write_text("\n".join(rows))
    fetch = FetchParams(root=str(tmp_path / "data"), size=SIZE, margin=6, workers=1)
    faces = prepare(fetch, tmp_path / "faces").faces
    assert (len(faces), faces.layout) == (FACES, "table")

    stage = StageParams(ops=("twice", "mb_k3_res"), layer_num=2, channels=16, stride=2)
    space = SpaceParams(stages=(stage,))
    lut = LutParams(engine="toy", rounds=5, warmup=1, max_seconds=1.0)
    table = latency_table(space, POINTS, lut, SIZE)
    assert table["engine"] == "toy" and set(table["layers"][0]["blocks"]) == set(stage.ops)

    params = SearchParams(
        loss="huber", optimizer="sgd", lr=0.01, epochs=2, warmup_epochs=1, min_steps=0, batch=8,
        arch_batch=2, nas_lr=2.0, proxy_share=1.0, candidates=1, calibration_faces=16,
    )  # fmt: skip
    search = Search(faces, space, from_table(table, space), params, AugmentParams())
    search.run()
    assert len(search.history) == 2 and np.isfinite(search.history[-1]["loss"])

    retrain = RetrainParams(
        loss="huber", optimizer="sgd", lr=0.01, epochs=2, min_steps=0, warmup_epochs=0.5, batch=8
    )
    choice = ("twice", "mb_k3_res")
    supernet = {f"net.{k}": v for k, v in search.learner.net.state_dict().items()}
    trained = finetune(choice, faces, space, supernet, retrain, AugmentParams())
    assert trained.inherited > 0 and np.isfinite(trained.val_nme)

    net = build_subnet(space, POINTS, choice, SIZE)
    net.load_state_dict(trained.weights)
    net.eval()
    data = export_onnx(net, SIZE, POINTS, {})
    crops = faces.crops(faces.indices("test"))
    trial = Trial(faces, landmarks(net, crops), 1.0, parity=1e-4, growth=0.1)
    names = ExportParams(variants=("toy",)).variants
    (row,) = publish(names, data, trial, np.zeros((1, 3, SIZE, SIZE), np.float32), tmp_path / "out")
    assert row["fault"] == "" and row["engine"] == "toy" and row["parity"] < 1e-4
    assert (tmp_path / "out/toy/subnet.toy").is_file()


def test_what_is_not_registered_is_refused_in_one_line() -> None:
    for section, values, known in (
        (FetchParams, {"layout": "table"}, "wflw"),
        (SearchParams, {"loss": "huber"}, "wing"),
        (RetrainParams, {"optimizer": "sgd"}, "adamw"),
        (LutParams, {"engine": "toy"}, "onnxruntime"),
    ):
        with pytest.raises(ValueError, match=known):
            section(**values)
