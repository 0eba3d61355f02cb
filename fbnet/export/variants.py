"""The exported net for other engines and in fewer bits: converted, run on test faces, judged."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fbnet.engines import (
    FULL,
    SYSTEMS,
    CannotOpen,
    ConversionError,
    Engine,
    Model,
    NotInstalled,
    Session,
    Variant,
    variants,
)
from fbnet.errors import safe_point
from fbnet.export.onnx import apart
from fbnet.faces.faceset import FaceSet
from fbnet.files import write_bytes, writing
from fbnet.metrics import evenly, nme
from fbnet.outputs import LANDMARKS
from fbnet.predict.interface import to_input
from fbnet.progress import say

Row = dict[str, Any]
"""A line of variants.csv."""


@dataclass(frozen=True)
class Trial:
    """What variants are judged by.

    faces: the test faces are run; exact: the torch net's landmarks on the first of them, [m, P, 2];
    nme: the ONNX file's on all of them. parity: how far an fp32 variant may be from `exact`, in
    units of the crop. growth: by how much of `nme` one of fewer bits may be worse. heads: the torch
    net's other outputs on these first faces, by name, of a file that gives more than landmarks.
    """

    faces: FaceSet
    exact: np.ndarray
    nme: float
    parity: float
    growth: float
    heads: Mapping[str, np.ndarray] = field(default_factory=dict)

    def run(self, name: str, data: bytes, calibration: np.ndarray) -> tuple[Model, Row]:
        """Convert the bytes of an ONNX net to a variant and run it in its engine, one face a call.

        calibration: float32 [n, 3, S, S]. The row has the variant's engine, precision, size_kb
        (of all its files), parity, nme, nme_change (relative) and `fault`, which says why it must
        not be published, or nothing. What cannot be converted has a fault and no figures; what
        another system runs has its size alone.
        """
        variant = variants()[name]
        engine = variant.engine
        stated: Row = {"variant": name, "engine": engine.name, "precision": variant.precision}
        try:
            model = engine.convert(data, variant.precision, calibration)
            row = stated | {"size_kb": sum(map(len, model.values())) / 1024}
            if not engine.runs_here:
                return model, row | {"fault": ""}
            figures = self._figures(engine, model)
        except (ConversionError, CannotOpen, NotInstalled) as error:
            return {}, stated | {"fault": str(error)}
        return model, row | figures | {"fault": self._fault(variant, figures)}

    def _figures(self, engine: Engine, model: Model) -> dict[str, float]:
        indices = self.faces.indices("test")
        session = engine.open(model, output=LANDMARKS if self.heads else "")
        landmarks = predict(session, self.faces.crops(indices))
        error = nme(landmarks, self.faces.landmarks[indices], self.faces.scheme).mean()
        exact = {LANDMARKS: self.exact, **self.heads}
        first = self.faces.crops(indices[: len(self.exact)])
        values = {LANDMARKS: landmarks[: len(first)]} | {
            name: predict(engine.open(model, output=name), first).reshape(head.shape)
            for name, head in self.heads.items()
        }
        return {
            "parity": apart(values, exact),
            "nme": float(error),
            "nme_change": float(error / self.nme - 1),
        }

    def _fault(self, variant: Variant, figures: dict[str, float]) -> str:
        # Written so that NaN is a fault.
        if variant.precision == FULL:
            far = not figures["parity"] <= self.parity
            return f"differs from the net by {figures['parity']:.2g} of the crop" if far else ""
        worse = not figures["nme_change"] <= self.growth
        return f"NME grows by {figures['nme_change']:.1%}" if worse else ""


def predict(session: Session, crops: np.ndarray) -> np.ndarray:
    """Landmarks [n, P, 2] of crops uint8 BGR [n, S, S, 3], one face a call as on a device."""
    predicted = []
    for face in to_input(crops):
        safe_point()
        predicted.append(session(face[None]))
    return np.concatenate(predicted)


def calibration(faces: FaceSet, count: int) -> np.ndarray:
    """`count` training faces, or all, spread evenly, as inputs float32 [n, 3, S, S]."""
    train = faces.indices("train")
    return to_input(faces.crops(train[evenly(len(train), count)]))


def publish(
    names: Sequence[str], data: bytes, trial: Trial, calibration: np.ndarray, folder: Path
) -> list[Row]:
    """Convert an ONNX net to variants and judge them; `folder` then holds those without a fault.

    Returns every variant's row. A line is printed for each one left out.
    """
    with writing(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    rows = []
    for name in names:
        model, row = trial.run(name, data, calibration)
        if row["fault"]:
            say(f"variant {name} is NOT PUBLISHED: {row['fault']}")
        else:
            if "nme" not in row:
                system = SYSTEMS[variants()[name].engine.system]
                say(f"variant {name} is converted and not run: that needs {system}")
            for suffix, path in variants()[name].files(folder).items():
                write_bytes(path, model[suffix])
        rows.append(row)
    return rows


def published(folder: Path) -> dict[str, Model]:
    """The variants whose files are all in a folder, by name."""
    files = {name: variant.files(folder) for name, variant in variants().items()}
    return {
        name: {suffix: path.read_bytes() for suffix, path in paths.items()}
        for name, paths in files.items()
        if all(path.is_file() for path in paths.values())
    }
