"""Accuracy of a model on a part of a face set; with an `OnnxModel`, through onnxruntime."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.crop import jittered
from fbnet.faces.faceset import FaceSet
from fbnet.metrics import (
    mean_face,
    mean_face_nme,
    nme,
    point_errors,
    region_nme,
    summary,
    yaw_nme,
)


class Model(Protocol):
    """What can be scored, such as `fbnet.predict.runtime.OnnxModel`.

    size: side of the crops it takes, in pixels. points: landmarks it gives.
    """

    size: int
    points: int

    def predict(self, images: np.ndarray, batch: int) -> np.ndarray:
        """Landmarks [n, P, 2] in units of the crop, for crops uint8 BGR [n, size, size, 3]."""
        ...


@dataclass(frozen=True)
class Score:
    """What a model does on n faces.

    figures: by metric name. regions, yaw_bands: mean NME by part of the face and by head turn.
    indices: the faces' numbers in the face set, int64 [n]. predicted: float32 [n, P, 2] in units
    of the crop. errors, mean_face_errors: NME of each face [n], by the model and by the mean face.
    """

    figures: dict[str, float]
    regions: dict[str, float]
    yaw_bands: dict[str, float]
    indices: np.ndarray
    predicted: np.ndarray
    errors: np.ndarray
    mean_face_errors: np.ndarray

    def details(self) -> dict[str, Any]:
        """What stands behind the figures: how many faces, and NME by part and by head turn."""
        return {
            "faces": len(self.indices),
            "nme_region": self.regions,
            "nme_yaw": self.yaw_bands,
        }


def score(
    model: Model,
    faces: FaceSet,
    split: str = "test",
    *,
    batch: int = 64,
    jitter: float = 0.1,
    seed: int = 1,
) -> Score:
    """Score `model` on the faces of `split`; the mean face comes from the train faces.

    jitter, seed: see `fbnet.faces.crop.jittered`; `nme_jitter` is the NME on such crops.
    Raises BadInput when the split is empty or model and faces do not fit together.
    """
    indices, scheme = faces.indices(split), faces.scheme
    _fits(model, faces, split, len(indices))
    true, train = faces.landmarks[indices], faces.landmarks[faces.indices("train")]
    predicted = model.predict(faces.crops(indices), batch)
    by_point = point_errors(predicted, true, scheme)
    errors = by_point.mean(axis=1)
    figures = summary(predicted, true, scheme)
    figures["mean_face_nme"] = mean_face_nme(train, true, scheme)
    moved, moved_true = jittered(faces, indices, jitter, seed)
    figures["nme_jitter"] = float(nme(model.predict(moved, batch), moved_true, scheme).mean())
    return Score(
        figures=figures,
        regions=region_nme(by_point, scheme),
        yaw_bands=yaw_nme(errors, faces.pose[indices]),
        indices=indices,
        predicted=predicted,
        errors=errors,
        mean_face_errors=nme(np.broadcast_to(mean_face(train), true.shape), true, scheme),
    )


def _fits(model: Model, faces: FaceSet, split: str, count: int) -> None:
    if count == 0:
        raise BadInput(f"the face set has no {split} faces to score; raise fetch.{split}_share")
    have, want = (faces.size, faces.points), (model.size, model.points)
    if have != want:
        raise BadInput(
            f"the faces are {have[0]} px with {have[1]} points, the model takes {want[0]} px and "
            f"gives {want[1]} points; export from these faces"
        )
