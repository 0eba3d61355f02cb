"""Heads beside the landmarks on the shipped model: what they cost, and how far they are right.

`run` trains all four on fbnet/pretrained, whose own weights stay, with the rendered faces that it
learned from; scores them on the rendered test faces, and pose and confidence on the photographs
that chose nothing (`benchmarks.shipped`), whose pose is fitted to their landmarks. `table` writes
docs/predict.md.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.core import DOCS, Benchmark, Summary, scored_options
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import percent, table
from benchmarks.shipped import RENDERED, part_of, sets
from fbnet.files import digest

if TYPE_CHECKING:
    from fbnet.faces.faceset import FaceSet

TRAINED = "trained"
ANGLES = ("pitch", "yaw", "roll")
LINES: dict[str, tuple[str, str]] = {
    "nme": ("NME", "{:.2%}"),
    **{f"pose_mae_{angle}": (f"pose, mean error of {angle}", "{:.1f}°") for angle in ANGLES},
    **{
        f"fitted_mae_{angle}": (f"the same of a fit to the true landmarks, {angle}", "{:.1f}°")
        for angle in ANGLES
    },
    "confidence_held_90": ("errors inside the radius of 90 %", "{:.1%}"),
    "confidence_spearman": ("confidence and error, Spearman over points", "{:.2f}"),
    "confidence_spearman_faces": ("the same over faces, means of both", "{:.2f}"),
    "visibility_auc": ("visibility, AUC", "{:.3f}"),
    "openness_mae": ("openness, mean error of gap by width", "{:.3f}"),
    "openness_mae_mean": ("the same of the faces' mean", "{:.3f}"),
}
"""Figure -> its line in the table and its form."""


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """The training, and a job for the rendered test faces and each folder of photographs."""
    from benchmarks.core.faces import identity, load_faces
    from fbnet.params import AugmentParams, RetrainParams
    from fbnet.predict.landmarker import PRETRAINED

    params = RetrainParams()
    trained = Job(
        TRAINED,
        {
            "model": digest(PRETRAINED),
            "faces": identity(load_faces(given.faces, ledger.work)),
            "retrain": params.model_dump(include={"heads_epochs", "heads_lr", "seed"}),
            "augment": AugmentParams().model_dump(),
        },
        train,
        given.faces,
        leaves=".onnx",
    )
    scored = [
        Job(
            name,
            {"faces": identity(load_faces(folder, ledger.work)), "part": part},
            score,
            folder,
            needs=(trained,),
        )
        for name, (folder, part) in sets(given).items()
    ]
    return [trained, *scored]


def train(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Train the heads and leave the net as ONNX; what they cost."""
    from benchmarks.core.faces import load_faces
    from fbnet.export.onnx import counts, export_onnx
    from fbnet.files import read_json, write_bytes
    from fbnet.nets.pfld import build_subnet
    from fbnet.outputs import HEADS, OUTPUTS
    from fbnet.params import NNI_SPACE, AugmentParams, RetrainParams, TrainParams
    from fbnet.predict.interface import describe
    from fbnet.predict.landmarker import PRETRAINED
    from fbnet.training.checkpoints import load_weights
    from fbnet.training.device import launch
    from fbnet.training.heads import lessons, train_heads

    faces = load_faces(job.inputs, ledger.work)
    chosen = read_json(PRETRAINED.with_name("architecture.json"))
    params = RetrainParams(**job.setting["retrain"])
    net = build_subnet(
        NNI_SPACE, chosen["points"], chosen["choice"], chosen["size"], params.seed, HEADS
    )
    net.load_state_dict(load_weights(PRETRAINED.with_suffix(".safetensors")), strict=False)
    augment = AugmentParams(**job.setting["augment"])
    fabric = launch(TrainParams(devices=1, threads=1))
    train_heads(net, lessons(HEADS, faces, None), params, augment, fabric)
    outputs = [*OUTPUTS]
    stated = describe(
        size=faces.size,
        scheme=faces.scheme,
        crop_scale=faces.crop_scale,
        choice=chosen["choice"],
        outputs=outputs,
    )
    data = export_onnx(net, faces.size, faces.points, stated, outputs=outputs)
    write_bytes(ledger.file(job), data)
    plain, headed = counts(PRETRAINED.read_bytes()), counts(data)
    return {"macs": headed.macs, "macs_without": plain.macs, "size_kb": len(data) / 1024}


def score(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Figures of the heads on a part of the faces, as far as these state the truth."""
    from benchmarks.core.faces import load_faces
    from fbnet.landmarks import NNI_TO_IBUG68, convert
    from fbnet.metrics import nme, spearman
    from fbnet.outputs import LANDMARKS
    from fbnet.predict.model import OnnxModel
    from fbnet.predict.score import score_heads

    faces, model = load_faces(job.inputs, ledger.work), OnnxModel(ledger.file(job.needs[0]))
    chosen = part_of(faces, job.setting["part"])
    given = model.outputs(faces.crops(chosen))
    if (model.points, faces.points) == (106, 68):
        given[LANDMARKS] = convert(given[LANDMARKS], NNI_TO_IBUG68)
        given["confidence"] = given["confidence"][:, NNI_TO_IBUG68]
    true, pose = faces.landmarks[chosen], np.degrees(faces.pose[chosen])
    errors = np.linalg.norm(given[LANDMARKS] - true, axis=2)
    by_face = spearman(given["confidence"].mean(axis=1), errors.mean(axis=1))
    figures = {
        "nme": float(nme(given[LANDMARKS], true, faces.scheme).mean()),
        **score_heads(given, faces, chosen),
        **_by_angle("pose", given["pose"], pose),
        "confidence_spearman_faces": by_face,
    }
    if faces.exact:
        figures |= _by_angle("fitted", fitted(faces, chosen), pose)
        gaps = faces.exact["openness"][chosen]
        figures["openness_mae_mean"] = float(np.abs(gaps - gaps.mean(axis=0)).mean())
    return {"faces": len(chosen), **figures}


def fitted(faces: "FaceSet", chosen: np.ndarray) -> np.ndarray:
    """The pose [n, 3] in degrees that fits to the true landmarks, as `fetch` fits photographs'."""
    from fbnet.faces.pose import estimate

    points = faces.landmarks[chosen] * faces.size
    return np.degrees([estimate(face, faces.scheme, faces.size) for face in points])


def _by_angle(name: str, given: np.ndarray, true: np.ndarray) -> dict[str, float]:
    errors = np.nanmean(np.abs(given - true), axis=0)
    return {f"{name}_mae_{angle}": float(e) for angle, e in zip(ANGLES, errors, strict=True)}


def summary(ledger: Ledger) -> Summary:
    """A line for each figure, a column for each set of faces."""
    results = ledger.results()
    scored = {name: results[name] for name in (RENDERED, *sorted(results)) if name in results}
    scored.pop(TRAINED, None)
    rows = [
        {"": title}
        | {
            _called(name, scored): form.format(figures[figure]).replace("%", " %")
            for name, figures in scored.items()
            if figure in figures
        }
        for figure, (title, form) in LINES.items()
    ]
    if TRAINED in results and rows:
        figures = results[TRAINED]
        more = figures["macs"] / figures["macs_without"] - 1
        rows.insert(0, {"": "MACs added", _called(RENDERED, scored): percent(more)})
    return Summary(results, {DOCS / "predict.md": {"heads": table(rows)}})


def _called(name: str, scored: Mapping[str, Any]) -> str:
    what = "rendered test faces" if name == RENDERED else f"photographs ({name})"
    return f"{scored[name]['faces']:,} {what}"


BENCHMARK = Benchmark("heads", __doc__, jobs, summary, scored_options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
