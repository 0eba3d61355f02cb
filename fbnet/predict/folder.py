"""Scores an ONNX file on a folder: a stored face set, or pictures in any layout `fetch` reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.faces.prepare import prepare
from fbnet.landmarks import NNI_TO_IBUG68, convert
from fbnet.params import FetchParams
from fbnet.predict.foreign import ForeignModel
from fbnet.predict.interface import Interface
from fbnet.predict.score import Model, Score, score


def score_folder(
    model: Path, folder: Path, interface: Interface | None = None, crop_scale: float | None = None
) -> dict[str, float]:
    """Figures by name on the folder's test faces; those by region and yaw as `outer.inner`.

    interface: what a model of another origin takes and gives. A data set is cropped and split as
    `fetch` does by default, so that figures compare with the pipeline's; `crop_scale` (the section
    `fetch` says what it is) is for models that were trained on tighter or wider crops. A model of
    106 points is scored on faces of 68 by the points that both have. Raises BadInput where model
    and faces do not fit, or there is no test face.
    """
    opened = ForeignModel(model, interface)
    with _faces(folder, opened.size, crop_scale) as faces:
        return _flat(score(_As68(opened) if _convertible(opened, faces) else opened, faces))


class _As68:
    """A model of 106 points that answers with the 68 of 300W."""

    points = len(NNI_TO_IBUG68)

    def __init__(self, model: Model) -> None:
        self.model, self.size = model, model.size

    def predict(self, images: np.ndarray, batch: int = 64) -> np.ndarray:
        return convert(self.model.predict(images, batch), NNI_TO_IBUG68)


def _convertible(model: Model, faces: FaceSet) -> bool:
    return (model.points, faces.points) == (106, 68)


@contextmanager
def _faces(folder: Path, size: int, crop_scale: float | None) -> Iterator[FaceSet]:
    if (folder / "meta.json").exists():
        if crop_scale is not None:
            raise BadInput(f"{folder}: its faces are cropped; a crop scale is for pictures")
        yield FaceSet.load(folder)
        return
    params = _fetch_params(folder, size, crop_scale)
    with TemporaryDirectory() as made:
        yield prepare(params, Path(made) / "faces").faces


def _fetch_params(folder: Path, size: int, crop_scale: float | None) -> FetchParams:
    changed = {"size": size} | ({} if crop_scale is None else {"crop_scale": crop_scale})
    return FetchParams.checked({"root": str(folder), **changed}, "crops with")


def _flat(result: Score) -> dict[str, float]:
    parts = {"nme_region": result.regions, "nme_yaw": result.yaw_bands}
    named = {f"{part}.{k}": v for part, values in parts.items() for k, v in values.items()}
    return result.figures | {"faces": len(result.indices)} | named
