"""The shipped models on photographs that no part of them was trained on or chosen by.

`run` scores each of fbnet/pretrained/*.onnx on two thirds of the photographs of a folder; the other
third chose how faces are rendered. A model of 106 points is scored by the 68 that it shares with
300W where labels are those; the two conventions differ on the contour, so the 51 points inside it
stand beside. `table` writes the table of README.md.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.core import ROOT, Benchmark, Summary
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import percent, table
from fbnet.files import digest

if TYPE_CHECKING:
    from fbnet.faces.faceset import FaceSet

MODELS = ROOT / "fbnet/pretrained"
CONTOUR = 17
"""Points 0..16 of the 68 are the contour."""
RENDERED = "rendered"
"""Name of the rendered faces beside the folders of photographs."""


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """One job for each model and folder of photographs, by their names."""
    from benchmarks.core.faces import identity, load_faces

    return [
        Job(
            f"{folder.resolve().name}_{model.stem}",
            {
                "model": digest(model),
                "faces": identity(load_faces(folder, ledger.work)),
                "part": "final",
            },
            score,
            (model, folder),
        )
        for folder in given.photographs
        for model in sorted(MODELS.glob("*.onnx"))
    ]


def score(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Figures over the final part of the folder; the mean face is that of these faces."""
    from benchmarks.core.faces import load_faces
    from fbnet.landmarks import NNI_TO_IBUG68, convert
    from fbnet.metrics import mean_face_nme, nme, point_errors, region_nme, summary, yaw_nme
    from fbnet.predict.model import OnnxModel

    path, folder = job.inputs
    faces, model = load_faces(folder, ledger.work), OnnxModel(path)
    part = part_of(faces, job.setting["part"])
    predicted = model.predict(faces.crops(part))
    if (model.points, faces.points) == (106, 68):
        predicted = convert(predicted, NNI_TO_IBUG68)
    true, scheme = faces.landmarks[part], faces.scheme
    errors = point_errors(predicted, true, scheme)
    return {
        "faces": len(part),
        "points": faces.points,
        "model_points": model.points,
        **summary(predicted, true, scheme),
        "inner_nme": float(errors[:, CONTOUR:].mean()),
        "mean_face_nme": mean_face_nme(true, true, scheme),
        "nme_region": region_nme(errors, scheme),
        "nme_yaw": yaw_nme(nme(predicted, true, scheme), faces.pose[part]),
    }


def sets(given: argparse.Namespace) -> dict[str, tuple[Path, str]]:
    """Folder and part of the faces that `scored_options` name, by name: the rendered ones first."""
    photographs = {folder.resolve().name: (folder, "final") for folder in given.photographs}
    return {RENDERED: (given.faces, "test")} | photographs


def part_of(faces: "FaceSet", part: str) -> np.ndarray:
    """Indices of the `test` part, or of the `final` photographs, two thirds that chose nothing."""
    from benchmarks.synthetic import PARTS
    from benchmarks.synthetic.trial import third

    if part == "test":
        return faces.indices("test")
    return np.flatnonzero(np.isin(third(faces.groups), PARTS[part]))


def summary(ledger: Ledger) -> Summary:
    """A line for each model and folder: error as a whole and by turn of the head."""
    results: Mapping[str, Any] = ledger.results()
    rows = [
        {
            "model": f"{figures['model_points']} points",
            "photographs": f"{figures['faces']:,}",
            "NME": percent(figures["nme"]),
            "of 51 inner points": percent(figures["inner_nme"]),
            "mean face": percent(figures["mean_face_nme"]),
            "FR 0.10": percent(figures["fr_10"]),
            "AUC 0.10": f"{figures['auc_10']:.3f}",
            **{
                f"turned {band[4:].replace('_', '-')}°": percent(error)
                for band, error in figures["nme_yaw"].items()
            },
        }
        for figures in results.values()
    ]
    return Summary(results, {ROOT / "README.md": {"shipped": table(rows)}})


def options(parser: argparse.ArgumentParser) -> None:
    """Where the photographs lie."""
    parser.add_argument(
        "--photographs", type=Path, required=True, action="append", metavar="FOLDER",
        help="labelled photographs in any layout that `fetch` reads; may recur",
    )  # fmt: skip


BENCHMARK = Benchmark("shipped", __doc__, jobs, summary, options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
