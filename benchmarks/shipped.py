"""The shipped model on photographs that no part of it was trained on or chosen by.

`run` scores fbnet/pretrained/subnet.onnx on all photographs of a folder; a model of 106 points
by the 68 that it shares with 300W where labels are those. `table` writes the table of README.md.
"""

import argparse
import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.core import ROOT, Benchmark, Summary
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import percent, table

MODEL = ROOT / "fbnet/pretrained/subnet.onnx"


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """One job for each folder of photographs, by its name."""
    from benchmarks.core.faces import identity, load_faces

    model = hashlib.sha256(MODEL.read_bytes()).hexdigest()
    return [
        Job(
            folder.resolve().name,
            {"model": model, "faces": identity(load_faces(folder, ledger.work))},
            score,
            folder,
        )
        for folder in given.photographs
    ]


def score(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Figures over all faces of the folder; the mean face is that of these faces themselves."""
    from benchmarks.core.faces import load_faces
    from fbnet.landmarks import NNI_TO_IBUG68, convert
    from fbnet.metrics import mean_face_nme, nme, point_errors, region_nme, summary, yaw_nme
    from fbnet.predict.model import OnnxModel

    faces, model = load_faces(job.inputs, ledger.work), OnnxModel(MODEL)
    predicted = model.predict(faces.crops(range(len(faces))))
    if (model.points, faces.points) == (106, 68):
        predicted = convert(predicted, NNI_TO_IBUG68)
    true, scheme = faces.landmarks, faces.scheme
    errors = point_errors(predicted, true, scheme)
    return {
        "faces": len(faces),
        "points": faces.points,
        **summary(predicted, true, scheme),
        "mean_face_nme": mean_face_nme(true, true, scheme),
        "nme_region": region_nme(errors, scheme),
        "nme_yaw": yaw_nme(nme(predicted, true, scheme), faces.pose),
    }


def summary(ledger: Ledger) -> Summary:
    """A line for each folder: error as a whole and by turn of the head."""
    results: Mapping[str, Any] = ledger.results()
    rows = [
        {
            "photographs": f"{figures['faces']:,}, {figures['points']} points",
            "NME": percent(figures["nme"]),
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
