"""Scores an ONNX file on a folder: a stored face set, or pictures in any layout `fetch` reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from fbnet.deploy.runtime import OnnxModel
from fbnet.deploy.score import Score, score
from fbnet.faces.faceset import FaceSet
from fbnet.faces.prepare import prepare
from fbnet.landmarks import NNI_TO_IBUG68, convert
from fbnet.params.fetch import FetchParams


def score_folder(model: Path, folder: Path) -> dict[str, float]:
    """Figures by name on the folder's test faces; those by region and yaw as `outer.inner`.

    A data set is cropped and split as `fetch` does by default, so that figures compare with the
    pipeline's. A model of 106 points is scored on faces of 68 by the points that both have.
    Raises BadInput where model and faces do not fit, or there is no test face.
    """
    opened = OnnxModel(model)
    with _faces(folder, opened.size) as faces:
        return _flat(score(_As68(opened) if _convertible(opened, faces) else opened, faces))


class _As68:
    """A model of 106 points that answers with the 68 of 300W."""

    points = len(NNI_TO_IBUG68)

    def __init__(self, model: OnnxModel) -> None:
        self.model, self.size = model, model.size

    def predict(self, images: np.ndarray, batch: int = 64) -> np.ndarray:
        return convert(self.model.predict(images, batch), NNI_TO_IBUG68)


def _convertible(model: OnnxModel, faces: FaceSet) -> bool:
    return (model.points, faces.points) == (106, 68)


@contextmanager
def _faces(folder: Path, size: int) -> Iterator[FaceSet]:
    if (folder / "meta.json").exists():
        yield FaceSet.load(folder)
        return
    with TemporaryDirectory() as made:
        yield prepare(FetchParams(root=str(folder), size=size), Path(made) / "faces").faces


def _flat(result: Score) -> dict[str, float]:
    parts = {"nme_region": result.regions, "nme_yaw": result.yaw_bands}
    named = {f"{part}.{k}": v for part, values in parts.items() for k, v in values.items()}
    return result.figures | {"faces": len(result.indices)} | named
