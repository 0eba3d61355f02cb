"""One trial of a recipe: render, train the net, score it."""

import re
import time
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.core.faces import load_faces, render
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.recipe.variants import Laplace, add_branches, fold_branches
from benchmarks.synthetic import PARTS
from benchmarks.synthetic.trial import Inputs, predict, third
from fbnet.faces.faceset import FaceSet
from fbnet.metrics import point_errors
from fbnet.nets.pfld import build_subnet
from fbnet.params import (
    NNI_SPACE,
    AugmentParams,
    FetchParams,
    RetrainParams,
    SyntheticParams,
    TrainParams,
)
from fbnet.training.checkpoints import checkpoint
from fbnet.training.device import launch
from fbnet.training.learner import set_start
from fbnet.training.retrain import Retraining


def record(name: str) -> str:
    """Name of a trial's record."""
    return re.sub(r"[^\w.]+", "_", name)


def train(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Figures of a trial: NME on validation, test and photographs, and the validation curve."""
    setting = job.setting
    inputs: Inputs = job.inputs
    faces = rendered(setting, inputs.data, ledger.work)
    count = len(faces.indices("train"))
    epochs = max(1, round(setting["seen"] / count))
    seed = setting["seed"]
    params = RetrainParams(**setting["retrain"], seed=seed, epochs=epochs, min_steps=0)
    fabric = launch(TrainParams(devices=1, threads=1))
    net = build_subnet(NNI_SPACE, faces.points, setting["net"], faces.size, seed)
    set_start(net, faces, params.start)
    variant = setting.get("variant")
    if variant == "branches":
        add_branches(net, seed)
    training = Retraining(faces, net, None, params, AugmentParams(**setting["augment"]), fabric)
    if variant == "laplace":
        training.learner.loss = Laplace()
    started = time.monotonic()
    with checkpoint(ledger.work / "checkpoints", "recipe", job.digest) as saved:
        training.run(saved)
    seconds = time.monotonic() - started
    net.load_state_dict(training.best["weights"])
    fold_branches(net)
    net.eval()

    photographs = load_faces(inputs.photographs, ledger.work)
    thirds = third(photographs.groups)
    parts = {name: np.flatnonzero(np.isin(thirds, part)) for name, part in PARTS.items()}
    return {
        "epochs": epochs,
        "steps": epochs * ceil(count / params.batch),
        "seen": epochs * count,
        "val_nme": training.best["nme"],
        "test_nme": nme(net, faces, faces.indices("test")),
        **{f"{name}_nme": nme(net, photographs, part) for name, part in parts.items()},
        "curve": [
            [row["epoch"], row["val_nme"]] for row in training.history if "val_nme" in row
        ],
        "seconds": seconds,
    }  # fmt: skip


def rendered(setting: Mapping[str, Any], data: Path, work: Path) -> FaceSet:
    """The trial's rendered faces, from `work` where another trial rendered them already."""
    synthetic = SyntheticParams(**setting["rendered"])
    params = FetchParams(
        root=str(data), layout="synthetic", margin=setting["margin"], synthetic=synthetic
    )
    return FaceSet.load(render(params, work))


def nme(net: Any, faces: FaceSet, indices: np.ndarray) -> float:
    """Mean NME of a net on the faces at `indices`, a fraction."""
    errors = point_errors(predict(net, faces, indices), faces.landmarks[indices], faces.scheme)
    return float(errors.mean())
