"""One trial of the rendered faces: render, train a fixed small net, score it on photographs."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from benchmarks.core.faces import load_faces
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.synthetic import BANDS
from fbnet.faces.faceset import FaceSet
from fbnet.faces.prepare import prepare
from fbnet.landmarks import NNI_TO_IBUG68, convert, eye_distance
from fbnet.metrics import failure_rate, point_errors, region_nme, yaw_nme
from fbnet.nets.pfld import PFLD, build_subnet
from fbnet.params import (
    NNI_SPACE,
    AugmentParams,
    FetchParams,
    RetrainParams,
    SyntheticParams,
    TrainParams,
)
from fbnet.progress import say
from fbnet.search.transfer import with_points
from fbnet.training.checkpoints import load_weights
from fbnet.training.device import launch
from fbnet.training.retrain import Retraining

TEST_FACES = 10
"""Rendered test faces; nothing reads them, but a face set has some."""
BATCH = 128
RIDGE = 0.1
"""Pull of the last layer's fit, as a share of the features' mean square sum (see there)."""


@dataclass(frozen=True)
class Inputs:
    """Where things lie: folder of head.npz, photographs, weights that a trial starts from."""

    data: Path
    photographs: Path
    start: Path | None = None


RETRAIN = {
    "min_steps": 0,
    "warmup_epochs": 1.0,
    "batch": 32,
    "optimizer": "adamw",
    "lr": 3e-3,
    "weight_decay": 0.01,
    "ema": 0.99,
    "loss": "wing",
    "augment": True,
    "validate_every": 1,
}
"""The recipe of all trials, stated in full, so that results do not depend on the defaults."""


def run(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Figures of a trial on its part of the photographs; prints where its points lie apart."""
    inputs: Inputs = job.inputs
    setting = job.setting
    with TemporaryDirectory() as folder:
        started = time.monotonic()
        faces = render(setting, inputs.data, Path(folder))
        rendered = time.monotonic()
        net = train(setting, faces, inputs.start)
        trained = time.monotonic()
    photographs = load_faces(inputs.photographs, ledger.work)
    part = np.flatnonzero(np.isin(third(photographs.groups), setting["thirds"]))
    predicted = predict(net, photographs, part)
    for number, (along, down) in enumerate(100 * offsets(predicted, photographs, part)):
        say(f"  point {number:3}  along {along:+6.2f}  down {down:+6.2f}  % of the eye distance")
    return {
        "points": faces.points,
        **figures(predicted, photographs, part),
        "render_s": rendered - started,
        "train_s": trained - rendered,
    }


def third(groups: list[str]) -> np.ndarray:
    """Third 0, 1 or 2 of each face, int64 [N]: a hash of the photograph's name, nothing else."""
    return np.array([int(sha256(group.encode()).hexdigest(), 16) % 3 for group in groups])


def render(setting: Mapping[str, Any], data: Path, folder: Path) -> FaceSet:
    """The rendered faces of a trial."""
    own = {"train": setting["faces"], "test": TEST_FACES, "seed": setting["seed"]}
    rendered = SyntheticParams.checked(own | setting["set"], "trials.csv: set")
    params = FetchParams(root=str(data), layout="synthetic", workers=1, synthetic=rendered)
    return prepare(params, folder).faces


def train(setting: Mapping[str, Any], faces: FaceSet, start: Path | None) -> torch.nn.Module:
    """The fixed net, trained by `RETRAIN`; the best epoch's weights."""
    seed, epochs = setting["seed"], setting["epochs"]
    net = build_subnet(NNI_SPACE, faces.points, setting["net"], faces.size, seed)
    if start:
        net.load_state_dict(with_points(load_weights(start), faces.points))
    if epochs == 0:
        return fit_last_layer(net.eval(), faces)
    params = RetrainParams(**RETRAIN, seed=seed, epochs=epochs)
    fabric = launch(TrainParams(devices=1, threads=1))
    training = Retraining(faces, net, None, params, AugmentParams(), fabric)
    training.run()
    net.load_state_dict(training.best["weights"])
    return net.eval()


@torch.inference_mode()
def fit_last_layer(net: PFLD, faces: FaceSet) -> PFLD:
    """Move the last layer to the labels by ridge regression, in place; all else stays.

    Cheap and hardly random: it shows what faces teach about where the points are, given features
    that were learned from others. The pull back to the layer as it was is RIDGE of the features'
    power.
    """
    layer = net.fc
    seen: list[torch.Tensor] = []
    hook = layer.register_forward_hook(lambda _, given, output: seen.append(given[0].flatten(1)))
    train = faces.indices("train")
    guess = torch.from_numpy(predict(net, faces, train)).flatten(1)
    hook.remove()
    inputs = torch.cat(seen).double()
    inputs = torch.cat([inputs, torch.ones(len(inputs), 1)], dim=1)
    missing = torch.from_numpy(faces.landmarks[train]).flatten(1).double() - guess
    pull = torch.full((inputs.shape[1],), RIDGE * float((inputs[:, :-1] ** 2).sum(1).mean()))
    pull[-1] = 0  # the bias is free
    change = torch.linalg.solve(inputs.T @ inputs + torch.diag(pull), inputs.T @ missing).float().T
    layer.weight += change[:, :-1].reshape(layer.weight.shape)
    layer.bias += change[:, -1]
    return net


@torch.inference_mode()
def predict(net: torch.nn.Module, faces: FaceSet, indices: np.ndarray) -> np.ndarray:
    """Landmarks float32 [n,P,2] in the scheme of the photographs."""
    parts = []
    for chosen in np.array_split(indices, -(-len(indices) // BATCH)):
        crops = torch.from_numpy(faces.crops(chosen)).permute(0, 3, 1, 2).float() / 255
        parts.append(net(crops)[0].numpy())
    points = np.concatenate(parts)
    return (
        convert(points, NNI_TO_IBUG68) if (points.shape[1], faces.points) == (106, 68) else points
    )


def figures(predicted: np.ndarray, faces: FaceSet, indices: np.ndarray) -> dict[str, float]:
    """NME (mean, median), FR at 0.10, NME by region and by yaw."""
    by_point = point_errors(predicted, faces.landmarks[indices], faces.scheme)
    errors = by_point.mean(axis=1)
    return {
        "photographs": len(indices),
        "nme": float(errors.mean()),
        "median": float(np.median(errors)),
        "fr_10": failure_rate(errors, 0.10),
        **region_nme(by_point, faces.scheme),
        **yaw_nme(errors, faces.pose[indices], BANDS),
    }


def offsets(predicted: np.ndarray, faces: FaceSet, indices: np.ndarray) -> np.ndarray:
    """Median of predicted minus true [P,2] along and across the line of the eyes.

    In units of the eye distance: what a convention that differs looks like. Right and left halves
    are averaged, x pointing away from the middle of the face.
    """
    true, scheme = faces.landmarks[indices], faces.scheme
    left, right = scheme.eyes
    along = (true[:, right] - true[:, left]) / eye_distance(true, scheme)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    apart = (predicted - true) / eye_distance(true, scheme)[:, None, None]
    turned = np.stack([np.einsum("npc,nc->np", apart, axis) for axis in (along, across)], axis=2)
    median = np.median(turned, axis=0)
    return (median + median[list(scheme.mirror)] * (-1, 1)) / 2
