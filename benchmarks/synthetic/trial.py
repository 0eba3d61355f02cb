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

from benchmarks.synthetic.table import BANDS
from fbnet.faces.faceset import FaceSet
from fbnet.faces.prepare import prepare
from fbnet.landmarks import NNI_TO_IBUG68, convert, eye_distance
from fbnet.metrics import failure_rate, point_errors, region_nme, yaw_nme
from fbnet.nets.pfld import PFLD, build_subnet
from fbnet.params import NNI_SPACE, AugmentParams, FetchParams, RetrainParams, SyntheticParams
from fbnet.training.checkpoints import load_weights
from fbnet.training.retrain import Retraining

CHOICE = ("mb_k3_res_d3", "mb_k3_e2_res", "mb_k5_res", "mb_k5_res", "mb_k5_res")
"""The net of the trials that compare: blocks of NNI's space, one a searchable layer."""
TEST_FACES = 10
"""Rendered test faces; nothing reads them, but a face set has some."""
BATCH = 128
RIDGE = 0.1
"""Pull of the last layer's fit, as a share of the features' mean square sum (see there)."""


@dataclass(frozen=True)
class Trial:
    """What is rendered and for how long the net is trained.

    overrides: changes of fetch.synthetic; seed: of pictures, weights and training; choice: the
    net's blocks; start: weights to start from, of the same blocks. With 0 epochs only the last
    layer is fitted.
    """

    overrides: Mapping[str, Any]
    seed: int
    faces: int
    epochs: int
    choice: tuple[str, ...] = CHOICE
    start: Path | None = None


def third(groups: list[str]) -> np.ndarray:
    """Third 0, 1 or 2 of each face, int64 [N]: a hash of the photograph's name, nothing else."""
    return np.array([int(sha256(group.encode()).hexdigest(), 16) % 3 for group in groups])


def photographs(folder: Path, made: Path) -> FaceSet:
    """All faces of a folder in any layout that `fetch` reads, cropped into `made`."""
    return prepare(FetchParams(root=str(folder)), made).faces


def render(trial: Trial, data: Path, made: Path) -> FaceSet:
    """The rendered faces of a trial."""
    knobs = {"train": trial.faces, "test": TEST_FACES, "seed": trial.seed} | dict(trial.overrides)
    workers = torch.get_num_threads()
    rendered = SyntheticParams.checked(knobs, "--set fetch.synthetic")
    params = FetchParams(root=str(data), layout="synthetic", workers=workers, synthetic=rendered)
    return prepare(params, made).faces


def train(trial: Trial, faces: FaceSet) -> torch.nn.Module:
    """The fixed net, trained by the pipeline's recipe; the best epoch's weights."""
    net = build_subnet(NNI_SPACE, faces.points, trial.choice, faces.size, trial.seed)
    if trial.start:
        inherit(net, load_weights(trial.start))
    if trial.epochs == 0:
        return fit_last_layer(net.eval(), faces)
    params = RetrainParams(seed=trial.seed, epochs=trial.epochs, min_steps=0)
    training = Retraining(faces, net, None, params, AugmentParams())
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
    hook = layer.register_forward_hook(lambda _, given, made: seen.append(given[0].flatten(1)))
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


def inherit(net: torch.nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Start from these weights; a net of 68 points takes the rows of its points out of 106."""
    own = net.state_dict()
    rows = torch.from_numpy(NNI_TO_IBUG68)
    for name, values in weights.items():
        if own[name].shape != values.shape:
            values = values.unflatten(0, (106, 2))[rows].flatten(0, 1)
        own[name] = values
    net.load_state_dict(own)


@torch.inference_mode()
def predict(net: torch.nn.Module, faces: FaceSet, indices: np.ndarray) -> np.ndarray:
    """Landmarks float32 [n,P,2] in the scheme of the photographs."""
    found = []
    for chosen in np.array_split(indices, -(-len(indices) // BATCH)):
        crops = torch.from_numpy(faces.crops(chosen)).permute(0, 3, 1, 2).float() / 255
        found.append(net(crops)[0].numpy())
    points = np.concatenate(found)
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


def run(
    trial: Trial, data: Path, folder: Path, parts: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, dict[str, float]], np.ndarray]:
    """Figures of a trial on each part, a name and the thirds in it; the offsets on the first."""
    with TemporaryDirectory() as made:
        started = time.monotonic()
        faces = render(trial, data, Path(made) / "rendered")
        rendered = time.monotonic()
        net = train(trial, faces)
        trained = time.monotonic()
        photos = photographs(folder, Path(made) / "photographs")
        seconds = {"render_s": rendered - started, "train_s": trained - rendered}
        found: dict[str, dict[str, float]] = {}
        apart = []
        for part, thirds in parts.items():
            chosen = np.flatnonzero(np.isin(third(photos.groups), thirds))
            predicted = predict(net, photos, chosen)
            found[part] = {
                "points": faces.points,
                **figures(predicted, photos, chosen),
                **seconds,
            }
            apart.append(offsets(predicted, photos, chosen))
        return found, apart[0]
