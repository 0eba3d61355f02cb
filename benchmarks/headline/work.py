"""The jobs' work: a training from its faces to its figures, and the timing of all nets."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import fbnet
from benchmarks.core.faces import load_faces
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.headline import SUBNET
from fbnet.costs.measure import calls, machine
from fbnet.costs.timing import BURST, cpu_model, measure
from fbnet.engines import fixed_batch
from fbnet.export.onnx import counts, export_onnx
from fbnet.faces.faceset import FaceSet
from fbnet.faces.split import assign
from fbnet.nets.baselines import build_baseline
from fbnet.nets.pfld import build_subnet
from fbnet.params import AugmentParams, RetrainParams, SpaceParams, TrainParams
from fbnet.predict.model import OnnxModel
from fbnet.predict.score import score
from fbnet.progress import say
from fbnet.search.transfer import with_points
from fbnet.training.checkpoints import checkpoint, fingerprint, load_weights, save_weights
from fbnet.training.device import launch
from fbnet.training.losses import Teacher
from fbnet.training.retrain import Retraining

TIMED = ("onnxruntime", "mnn", "ncnn")
"""The engines whose latencies the table has."""


@dataclass(frozen=True)
class Subnet:
    """The searched net: one block of the space for each searchable layer."""

    space: SpaceParams
    blocks: Sequence[str]


@dataclass(frozen=True)
class Inputs:
    """What a training needs here: the folder of its faces, and what the searched net is."""

    faces: Path
    subnet: Subnet


TRAIN = TrainParams(devices=1, threads=1)
"""One thread for each training: several of them train at once."""


def train(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Figures of a training; a trial of a learning rate has none of test faces.

    Writes the weights of the best epoch by validation to the job's file.
    """
    setting, inputs = job.setting, job.inputs
    lr = setting["retrain"].get("lr") or best_rate(job, ledger)
    params = RetrainParams(**{**setting["retrain"], "lr": lr})
    say(f"headline: {job.name}, learning rate {lr:g}")
    faces = load_faces(inputs.faces, ledger.work)
    if folds := setting["folds"]:
        faces = folded(faces, setting["run"], folds)

    fabric = launch(TRAIN)
    net = build(setting["model"], inputs.subnet, faces.points, faces.size, setting["run"])
    if start := _weights(job, "start", ledger):
        net.load_state_dict(with_points(start, faces.points))
    teacher = None
    if learned := _weights(job, "teacher", ledger):
        larger = build(setting["teacher_model"], inputs.subnet, faces.points, faces.size, 0)
        larger.load_state_dict(learned)
        teacher = Teacher(fabric.to_device(larger), setting["teacher_weight"])

    training = Retraining(faces, net, None, params, AugmentParams(), fabric, teacher)
    key = fingerprint([job.digest, params.model_dump()], [], [Path(fbnet.__file__).parent])
    with checkpoint(ledger.work / "unfinished", job.name.replace("/", "-"), key) as saved:
        training.run(saved)
        best = training.best
        result = {name: setting[name] for name in ("model", "data", "recipe", "run")}
        result |= {"rate": lr, "epochs": params.epochs}
        result |= {"epoch": best["epoch"], "val_nme": best["nme"]}
        if job.leaves:
            net.load_state_dict(best["weights"])
            save_weights(ledger.file(job), best["weights"])
            result |= figures(net, faces)
    return result


def best_rate(job: Job, ledger: Ledger) -> float:
    """Learning rate of the trial with the lowest validation NME."""
    trials = [ledger.result(need) for need in job.needs if need.name in job.setting["trials"]]
    best = min((trial for trial in trials if trial), key=lambda trial: trial["val_nme"])
    return float(best["rate"])


def folded(faces: FaceSet, fold: int, folds: int) -> FaceSet:
    """`faces` with fold 1..folds as test; a tenth of the other photographs is for validation.

    Photographs (groups) are dealt out whole by a fixed draw, so that folds hold equally many.
    """
    names = sorted(set(faces.groups))
    order = np.random.default_rng(0).permutation(len(names))
    fold_of = {names[at]: place % folds + 1 for place, at in enumerate(order)}
    given = ["test" if fold_of[group] == fold else None for group in faces.groups]
    split = assign(faces.groups, given, 0.0, 0.1, seed=fold)
    return replace(faces, split=split)


def build(model: str, subnet: Subnet, points: int, size: int, seed: int) -> nn.Module:
    """A net with fresh weights: the subnet, or a baseline by its name."""
    if model == SUBNET:
        return build_subnet(subnet.space, points, subnet.blocks, size, seed)
    return build_baseline(model, points, size, seed)


def figures(net: nn.Module, faces: FaceSet) -> dict[str, Any]:
    """Size of the exported file, and what it does on the test faces."""
    data = export_onnx(net, faces.size, faces.points, {})
    result = score(OnnxModel(data), faces)
    return result.figures | result.details() | vars(counts(data)) | {"size_kb": len(data) / 1024}


def _weights(job: Job, role: str, ledger: Ledger) -> dict[str, Tensor] | None:
    """Weights of the job that is needed as `start` or `teacher`, None where there is none."""
    names: Sequence[str] = job.setting.get(role, ())
    files: list[Path] = [ledger.file(need) for need in job.needs if need.name in names]
    return load_weights(files[0]) if files else None


def latencies(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Median ms of each net by engine and data set, and its ratio to lite there.

    All nets of all engines are timed in turn, so that whatever else the machine does meets them
    alike and their ratios hold. Weights do not matter to speed: nothing is trained before.
    """
    setting = job.setting
    files = {
        (data, model): onnx_file(
            build(model, job.inputs, points, setting["size"], seed=1), setting["size"], points
        )
        for data, points in setting["points"].items()
        for model in setting["models"]
    }
    opened = {
        (engine, *key): call for engine in TIMED for key, call in calls(files, engine).items()
    }
    seconds = setting["seconds"]
    times = measure(opened, warmup=20, rounds=sys.maxsize, ci_target=0.0, max_seconds=seconds)
    rows = [
        {
            "engine": engine,
            "data": data,
            "model": model,
            "latency_ms": times[engine, data, model].median,
            "ci": times[engine, data, model].ci,
            "to_lite": times[engine, data, model].median / times[engine, data, "lite"].median,
        }
        for engine in TIMED
        for data, model in files
    ]
    protocol = {"threads": 1, "batch": 1, "burst": BURST, "interleaved": True, "seconds": seconds}
    versions = {engine: machine(engine)["version"] for engine in TIMED}
    return {"rows": rows, "cpu": cpu_model(), "versions": versions, "protocol": protocol}


def onnx_file(net: nn.Module, size: int, points: int) -> bytes:
    """The net for one face, with biases as after a training: exporters drop those of zero."""
    generator = torch.Generator().manual_seed(0)
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1, generator=generator)
    return fixed_batch(export_onnx(net, size, points, {}), 1)
