"""Accuracy of a landmark model on faces: a face set, or a folder in any layout that fetch reads."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.crop import jittered
from fbnet.faces.faceset import FaceSet
from fbnet.faces.prepare import prepare
from fbnet.faces.schemes import described
from fbnet.landmarks import SCHEMES, TO_IBUG68, convert
from fbnet.metrics import (
    area_under_roc,
    face_errors,
    mean_face,
    mean_face_nme,
    nme,
    point_errors,
    region_nme,
    spearman,
    summary,
    yaw_nme,
)
from fbnet.outputs import LANDMARKS, radius_90
from fbnet.params import FetchParams
from fbnet.predict.interface import OURS, Interface, stated
from fbnet.predict.model import OnnxModel
from fbnet.progress import say


class Model(Protocol):
    """What can be scored, such as `fbnet.predict.model.OnnxModel`.

    size: side S of the crops it takes, in pixels. points: landmarks P that it gives.
    """

    size: int
    points: int

    def predict(self, crops: np.ndarray, batch: int) -> np.ndarray:
        """Landmarks [n, P, 2] in units of the crop, for crops uint8 BGR [n, S, S, 3]."""
        ...


@dataclass(frozen=True)
class Score:
    """What a model does on n faces.

    figures: by metric name. regions, yaw_bands: mean NME by part of the face and by head turn.
    subsets: mean NME of the faces that have a flag of the face set, by the flag's name.
    indices: the faces' numbers in the face set, int64 [n]. predicted: float32 [n, P, 2] in units
    of the crop. errors, mean_face_errors: NME of each face [n], by the model and by the mean face.
    """

    figures: dict[str, float]
    regions: dict[str, float]
    yaw_bands: dict[str, float]
    subsets: dict[str, float]
    indices: np.ndarray
    predicted: np.ndarray
    errors: np.ndarray
    mean_face_errors: np.ndarray

    def details(self) -> dict[str, Any]:
        """What stands behind the figures: how many faces, NME by part, head turn and subset."""
        return {
            "faces": len(self.indices),
            "nme_region": self.regions,
            "nme_yaw": self.yaw_bands,
            "nme_subset": self.subsets,
        }


def score(
    model: Model,
    faces: FaceSet,
    split: str | None = "test",
    *,
    batch: int = 64,
    jitter: float = 0.1,
    seed: int = 1,
) -> Score:
    """Score `model` on the faces of `split`, None: on all.

    The mean face comes from the train faces; where there are none, from those that are scored.
    jitter, seed: see `fbnet.faces.crop.jittered`; `nme_jitter` is the NME on such crops. Raises
    BadInput when the split is empty or model and faces do not fit together.
    """
    indices = np.arange(len(faces)) if split is None else faces.indices(split)
    scheme = faces.scheme
    if len(indices) == 0:
        raise BadInput(f"the face set has no {split} faces to score; raise fetch.{split}_share")
    if (faces.size, faces.points) != (model.size, model.points):
        raise BadInput(
            f"the faces are {faces.size} px with {faces.points} points, the model takes "
            f"{model.size} px and gives {model.points} points; give faces and a model of one kind"
        )
    true, train = faces.landmarks[indices], faces.landmarks[faces.indices("train")]
    train = train if len(train) else true
    predicted = model.predict(faces.crops(indices), batch)
    by_point = point_errors(predicted, true, scheme)
    errors = face_errors(by_point)
    figures = summary(predicted, true, scheme)
    if isinstance(model, OnnxModel) and model.heads:
        figures |= score_heads(model.outputs(faces.crops(indices), batch), faces, indices)
    figures["mean_face_nme"] = mean_face_nme(train, true, scheme)
    moved, moved_true = jittered(faces, indices, jitter, seed)
    figures["nme_jitter"] = float(nme(model.predict(moved, batch), moved_true, scheme).mean())
    return Score(
        figures=figures,
        regions=region_nme(by_point, scheme),
        yaw_bands=yaw_nme(errors, faces.pose[indices]),
        subsets={
            name: float(errors[has].mean())
            for name, flag in faces.flags.items()
            if (has := flag[indices]).any()
        },
        indices=indices,
        predicted=predicted,
        errors=errors,
        mean_face_errors=nme(np.broadcast_to(mean_face(train), true.shape), true, scheme),
    )


def score_heads(
    given: Mapping[str, np.ndarray], faces: FaceSet, indices: np.ndarray
) -> dict[str, float]:
    """Figures of what a model gives beside landmarks, as far as the faces state the truth.

    given: by `OnnxModel.outputs`. pose_mae_deg: mean absolute error of the three angles.
    confidence_held_90: share of the points inside the radius that should hold 90 %.
    confidence_spearman: of confidence and error, -1 at best. visibility_auc: chance that a visible
    point is ranked above a hidden one. openness_mae: of gap by width.
    """
    errors = np.linalg.norm(given[LANDMARKS] - faces.landmarks[indices], axis=2)
    exact = {name: values[indices] for name, values in faces.exact.items()}
    figures: dict[str, float] = {}
    if "pose" in given:
        figures["pose_mae_deg"] = np.nanmean(
            np.abs(given["pose"] - np.degrees(faces.pose[indices]))
        )
    if "confidence" in given:
        sure, known = given["confidence"], np.isfinite(errors)
        figures["confidence_held_90"] = (errors <= radius_90(sure))[known].mean()
        figures["confidence_spearman"] = spearman(sure[known], errors[known])
    if "visibility" in given and "visible" in exact:
        figures["visibility_auc"] = area_under_roc(
            given["visibility"].ravel(), exact["visible"].ravel()
        )
    if "openness" in given and "openness" in exact:
        figures["openness_mae"] = np.abs(given["openness"] - exact["openness"]).mean()
    return {name: float(value) for name, value in figures.items() if np.isfinite(value)}


def score_folder(
    model: Path,
    folder: Path,
    interface: Interface = OURS,
    crop_scale: float | None = None,
    everything: bool = False,
) -> dict[str, float]:
    """Figures by name on the folder's test faces; those by region and yaw as `outer.inner`.

    All faces are scored where the folder names no test part, and for `everything`. interface: what
    a model of another origin takes and gives. A data set is cropped as the model's file states, or
    as `FetchParams` does by default, so that figures compare with the pipeline's; `crop_scale` (see
    there) is for models of another origin, trained on tighter or wider crops. A model of 98 or 106
    points is scored on faces of 68 by the points that both have; one of other points on stored
    faces of as many, or on pictures by the order that `interface.scheme` describes. Raises BadInput
    where model and faces do not fit.
    """
    # Labelling tools have a meta.json too.
    prepared = (folder / "meta.json").exists() and any(folder.glob("*.npy"))
    stored = FaceSet.load(folder) if prepared else None
    opened = OnnxModel(model, interface, scheme=stored.own_scheme if stored else None)
    if stored and crop_scale is not None:
        raise BadInput(f"{folder}: its faces are cropped; a crop scale is for pictures")
    trained_on = stated(opened.metadata).get("crop_scale")
    if stored and trained_on and not isclose(stored.crop_scale, trained_on):
        raise BadInput(
            f"{folder}: its crops are of scale {stored.crop_scale:g}, {model} was trained on "
            f"{trained_on:g}; fetch the faces anew with fetch.crop_scale: {trained_on:g}"
        )
    with nullcontext(stored) if stored else _prepared(folder, opened, crop_scale) as faces:
        if faces.points == opened.points and not opened.scheme.has_order_of(faces.scheme):
            raise BadInput(
                f"{folder}: its points have the order {faces.scheme.name}, those of {model} "
                f"{opened.scheme.name}; give faces and a model of one order"
            )
        fewer = faces.points == _As68.points and opened.points in TO_IBUG68
        tested = len(faces.indices("test"))
        if not tested:
            say(f"{folder}: names no test part, so all {len(faces)} faces are scored")
        elif not everything and tested < len(faces):
            say(f"{folder}: its test part is scored, {tested} of {len(faces)} faces (--all: all)")
        split = "test" if tested and not everything else None
        result = score(_As68(opened) if fewer else opened, faces, split)
    parts = {
        "nme_region": result.regions,
        "nme_yaw": result.yaw_bands,
        "nme_subset": result.subsets,
    }
    named = {f"{part}.{k}": v for part, values in parts.items() for k, v in values.items()}
    return result.figures | {"faces": len(result.indices)} | named


class _As68:
    """A model of more points that answers with the 68 of 300W."""

    points = 68

    def __init__(self, model: Model) -> None:
        self.model, self.size = model, model.size
        self.mapping = TO_IBUG68[model.points]

    def predict(self, crops: np.ndarray, batch: int = 64) -> np.ndarray:
        return convert(self.model.predict(crops, batch), self.mapping)


@contextmanager
def _prepared(folder: Path, model: OnnxModel, crop_scale: float | None) -> Iterator[FaceSet]:
    """The faces of a folder's pictures, there for as long as needed."""
    scale = model.crop_scale if crop_scale is None else crop_scale
    given = {"root": str(folder), "size": model.size, "crop_scale": scale}
    params = FetchParams.checked(given, "crops with")
    if model.scheme not in SCHEMES.values():
        params = params.model_copy(update={"scheme": described(model.scheme)})
    with TemporaryDirectory() as temporary:
        yield prepare(params, Path(temporary) / "faces", draw_split=False).faces
