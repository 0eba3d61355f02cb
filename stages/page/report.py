"""The report of a run, from its result files alone."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.metrics import spread_and_worst
from fbnet.predict.model import OnnxModel
from stages import records
from stages.page import charts, render, tables
from stages.results import Results
from stages.table import COLUMNS, headline

TILES = ("nme", "latency_ms", "size_kb", "macs", "params")
JPEG_QUALITY = 88


def report(results: Results, faces: int = 12, worst: int = 12, beside: Path | None = None) -> str:
    """The page as HTML. `beside`: table.json of a benchmark, shown where there is one.

    `faces` test faces spread evenly and the `worst` ones are shown; 0 leaves pictures out. Equal
    results give equal bytes. Raises BadInput naming the first results file that is missing.
    """
    for path in _needed(results):
        results.require(path)
    subnet, mean_face = headline(results)
    shown, failed = pictures(results, faces, worst)
    checked = records.latencies(results)
    return render(
        "report.html.j2",
        tiles=[(COLUMNS[k][0], COLUMNS[k][1].format(subnet[k])) for k in TILES if k in subnet],
        headings=tables.HEADINGS,
        rows=[(row["model"], tables.as_texts(row)) for row in (subnet, mean_face)],
        beside=tables.beside(results, beside),
        movable=tables.movable(results),
        counts=records.figures(results.metrics("fetch"), "points", "train", "validation", "test"),
        layers=tables.layers(results),
        probabilities=charts.probabilities(results),
        search=records.figures(results.metrics("search"), "search_entropy"),
        cost_maps=tables.cost_maps(results),
        training=charts.training(results),
        ced=charts.error_distribution(results),
        parts=tables.errors_by_group(results),
        prediction=charts.prediction(results),
        bench=records.figures(results.metrics("bench"), "latency_ms", "latency_predicted_ms"),
        checked=checked,
        table_setting=tables.setting(records.costs(results, "latency")),
        checked_setting=tables.setting(checked),
        variants=tables.variants(results),
        faces=shown,
        worst=failed,
    )


def _needed(results: Results) -> list[Path]:
    return [
        results.faces,
        results.metrics("fetch"),
        results.lut("macs"),
        results.lut("latency"),
        results.metrics("search"),
        results.history("search"),
        results.probabilities,
        results.history("retrain"),
        results.trained,
        results.metrics("export"),
        results.details("export"),
        results.errors,
        results.onnx,
        results.metrics("bench"),
        results.latencies,
        results.timed_variants,
    ]


@dataclass(frozen=True)
class Picture:
    """A face: its crop as data URI of side `size`; points as path data in pixels of the crop."""

    name: str
    nme: float
    source: str
    size: int
    true: str
    predicted: str


def pictures(results: Results, spread: int, worst: int) -> tuple[list[Picture], list[Picture]]:
    """`spread` test faces evenly over the set, and the `worst` ones, worst first.

    Raises BadInput when the errors are not those of the test faces.
    """
    faces = FaceSet.load(results.faces)
    errors = np.array([row["nme"] for row in records.rows(results.errors, ["nme"])])
    test = faces.indices("test")
    if len(test) != len(errors):
        raise BadInput(
            f"{results.errors}: {len(errors)} faces, the face set has {len(test)} for test; run "
            "the export stage"
        )
    model = OnnxModel(results.onnx)
    even, last = spread_and_worst(errors, spread, worst)
    return _pictures(faces, test, errors, even, model), _pictures(faces, test, errors, last, model)


def _pictures(
    faces: FaceSet, test: np.ndarray, errors: np.ndarray, rows: np.ndarray, model: OnnxModel
) -> list[Picture]:
    crops = faces.crops(test[rows])
    return [
        Picture(
            faces.names[index],
            float(error),
            data_uri(crop),
            faces.size,
            dots(faces.landmarks[index] * faces.size),
            dots(landmarks * faces.size),
        )
        for index, error, crop, landmarks in zip(
            test[rows], errors[rows], crops, model.predict(crops), strict=True
        )
    ]


def data_uri(image: np.ndarray) -> str:
    """A uint8 BGR picture [H, W, 3] as JPEG in a data URI."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def dots(points: Sequence[Sequence[float]] | np.ndarray) -> str:
    """Path data that a round line cap turns into dots."""
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)
