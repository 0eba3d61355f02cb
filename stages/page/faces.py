"""Test faces with their true and their predicted points, as pictures inside the page."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.files import read_csv
from fbnet.predict.runtime import OnnxModel

JPEG_QUALITY = 88


@dataclass(frozen=True)
class Picture:
    """A face: its crop as data URI of side `size`; points as path data in pixels of the crop."""

    name: str
    nme: float
    source: str
    size: int
    true: str
    predicted: str


def spread_and_worst(results: Path, spread: int, worst: int) -> tuple[list[Picture], list[Picture]]:
    """`spread` test faces evenly over the set, and the `worst` ones, worst first."""
    faces = FaceSet.load(results / "fetch/faces")
    errors = np.array([float(row["nme"]) for row in read_csv(results / "export/errors.csv")])
    test = faces.indices("test")
    if len(test) != len(errors):
        raise BadInput(
            f"{results / 'export/errors.csv'}: {len(errors)} faces, the face set has {len(test)} "
            "for test; run the export stage"
        )
    even = np.linspace(0, len(test) - 1, min(spread, len(test))).round().astype(int)
    last = np.argsort(-errors, kind="stable")[:worst]
    model = OnnxModel(results / "export/subnet.onnx")
    return _pictures(faces, test, errors, even, model), _pictures(faces, test, errors, last, model)


def _pictures(
    faces: FaceSet, test: np.ndarray, errors: np.ndarray, rows: np.ndarray, model: OnnxModel
) -> list[Picture]:
    at = test[rows]
    crops = faces.crops(at)
    predicted = model.predict(crops)
    return [
        Picture(
            faces.names[i],
            float(errors[row]),
            data_uri(crop),
            faces.size,
            dots(faces.landmarks[i] * faces.size),
            dots(points * faces.size),
        )
        for i, row, crop, points in zip(at, rows, crops, predicted, strict=True)
    ]


def data_uri(image: np.ndarray) -> str:
    """A uint8 BGR picture as JPEG in a data URI."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def dots(points: Sequence[Sequence[float]] | np.ndarray) -> str:
    """Path data that a round line cap turns into dots."""
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)
