"""The jobs' work: a net that learns from some photographs and is scored on others."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.core.faces import load_faces
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.headline import FOLDS
from benchmarks.headline.work import folded
from benchmarks.shipped import CONTOUR
from benchmarks.synthetic.trial import predict
from fbnet.faces.faceset import SPLITS, FaceSet
from fbnet.metrics import mean_face_nme, point_errors
from fbnet.nets.pfld import PFLD, build_subnet
from fbnet.params import NNI_SPACE, AugmentParams, RetrainParams, TrainParams
from fbnet.training.checkpoints import checkpoint, load_weights
from fbnet.training.device import launch
from fbnet.training.learner import set_start
from fbnet.training.retrain import Retraining

UNUSED = 255
"""Split of photographs that a training does not see."""


@dataclass(frozen=True)
class Inputs:
    """Folder of the photographs, and the weights that a net starts from, None for fresh ones."""

    photographs: Path
    start: Path | None


def few(faces: FaceSet, draw: int, count: int | None, rest: int = UNUSED) -> FaceSet:
    """`faces` with fold `draw` as test and `count` photographs of the others to learn from.

    A tenth of these is for validation, at least one. Without a count all are used, split as
    `benchmarks.headline` does. A larger count of a draw holds the photographs of a smaller one.
    rest: split of the photographs that are left.
    """
    faces = folded(faces, draw, FOLDS)
    if count is None:
        return faces
    others = faces.split != SPLITS["test"]
    groups = np.array(faces.groups)
    names = np.unique(groups[others])
    drawn = names[np.random.default_rng([draw, 10]).permutation(len(names))[:count]]
    split = np.where(others, rest, SPLITS["test"]).astype(np.uint8)
    split[np.isin(groups, drawn)] = SPLITS["train"]
    split[np.isin(groups, drawn[: max(1, count // 10)])] = SPLITS["validation"]
    return replace(faces, split=split)


def score_start(job: Job, ledger: Ledger) -> Mapping[str, Any]:
    """The start's figures as it is, before any photograph."""
    faces = few(load_faces(job.inputs.photographs, ledger.work), job.setting["draw"], None)
    return {"photographs": 0, "faces": 0} | figures(built(job, faces), faces)


def try_rate(job: Job, ledger: Ledger) -> Mapping[str, Any]:
    """NME by the setting's rate on all photographs neither learned from nor tested."""
    *_, training = learn(job, ledger, job.setting["rate"], SPLITS["validation"])
    return {"rate": job.setting["rate"], "val_nme": training.best["nme"]}


def train(job: Job, ledger: Ledger) -> Mapping[str, Any]:
    """Figures after a training by the rate of the best trial."""
    tried = [result for need in job.needs if (result := ledger.result(need))]
    rate = min(tried, key=lambda trial: trial["val_nme"])["rate"]
    faces, net, training = learn(job, ledger, rate)
    learned = np.flatnonzero(np.isin(faces.split, (SPLITS["train"], SPLITS["validation"])))
    return {
        "photographs": len({faces.groups[i] for i in learned}),
        "faces": len(learned),
        "rate": rate,
        "steps": training.epochs * -(-len(training.train_faces) // training.params.batch),
        **figures(net, faces),
    }


def learn(
    job: Job, ledger: Ledger, rate: float, rest: int = UNUSED
) -> tuple[FaceSet, PFLD, Retraining]:
    """The split photographs (see `few`), the net after its last epoch on them, its training."""
    s = job.setting
    faces = few(load_faces(job.inputs.photographs, ledger.work), s["draw"], s["count"], rest)
    params = RetrainParams(**s["retrain"], lr=rate, seed=s["draw"])
    fabric = launch(TrainParams(devices=1, threads=1))
    augment, net = AugmentParams(**s["augment"]), built(job, faces)
    training = Retraining(faces, net, None, params, augment, fabric)
    with checkpoint(ledger.work / "checkpoints", "photographs", job.digest) as saved:
        training.run(saved)
    net.load_state_dict(training.best["weights"])
    return faces, net, training


def built(job: Job, faces: FaceSet) -> PFLD:
    """The net as it starts."""
    seed = job.setting["draw"]
    net = build_subnet(NNI_SPACE, faces.points, job.setting["choice"], faces.size, seed)
    if job.inputs.start:
        net.load_state_dict(load_weights(job.inputs.start))
    else:
        set_start(net, faces, job.setting["retrain"]["start"])
    return net


def figures(net: PFLD, faces: FaceSet) -> dict[str, float]:
    """NME on the test photographs, all points and those inside the contour, and the mean face's."""
    train, test = faces.indices("train"), faces.indices("test")
    true = faces.landmarks[test]
    errors = point_errors(predict(net.eval(), faces, test), true, faces.scheme)
    return {
        "nme": float(errors.mean()),
        "inner_nme": float(errors[:, CONTOUR:].mean()),
        "mean_face_nme": mean_face_nme(faces.landmarks[train], true, faces.scheme),
    }
