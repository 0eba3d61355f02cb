"""The exported net for other engines and in fewer bits: made, run on test faces, judged."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fbnet.engines import ENGINES, Model, Session, read_model
from fbnet.engines.convert import ConversionError, to_mnn, to_ncnn
from fbnet.export.quantise import static_int8
from fbnet.faces.faceset import FaceSet
from fbnet.files import write_bytes
from fbnet.metrics import nme
from fbnet.predict.interface import to_input
from fbnet.progress import say

FULL = "fp32"
Row = dict[str, Any]
"""A line of variants.csv."""


@dataclass(frozen=True)
class Variant:
    """One form of the exported net; `make` takes its ONNX bytes and calibration inputs."""

    engine: str
    precision: str
    """fp32, fp16 or int8: of the weights; of the activations too where the engine is ONNX's."""
    make: Callable[[bytes, np.ndarray], Model]

    @property
    def stem(self) -> str:
        """Name of its files without the suffix."""
        return "subnet" if self.precision == FULL else f"subnet_{self.precision}"

    def files(self, folder: Path) -> list[Path]:
        """Where its files lie in a folder of variants."""
        return [folder / f"{self.stem}{suffix}" for suffix in ENGINES[self.engine].suffixes]


def _converted(
    convert: Callable[[bytes, str], Model], weights: str
) -> Callable[[bytes, np.ndarray], Model]:
    return lambda data, _: convert(data, weights)


VARIANTS: dict[str, Variant] = {
    "mnn": Variant("mnn", FULL, _converted(to_mnn, "fp32")),
    "mnn_fp16": Variant("mnn", "fp16", _converted(to_mnn, "fp16")),
    "mnn_int8": Variant("mnn", "int8", _converted(to_mnn, "int8")),
    "ncnn": Variant("ncnn", FULL, _converted(to_ncnn, "fp32")),
    "ncnn_fp16": Variant("ncnn", "fp16", _converted(to_ncnn, "fp16")),
    "onnx_int8": Variant(
        "onnxruntime", "int8", lambda data, inputs: {".onnx": static_int8(data, inputs)}
    ),
}
"""By the name that `export.variants` uses."""


@dataclass(frozen=True)
class Trial:
    """What variants are judged by.

    faces: the test faces are run; exact: the torch net's landmarks on the first of them, [m, P, 2];
    nme: the ONNX file's on all of them. parity: how far an fp32 variant may be from `exact`, in
    units of the crop. growth: by how much of `nme` one of fewer bits may be worse.
    """

    faces: FaceSet
    exact: np.ndarray
    nme: float
    parity: float
    growth: float

    def run(self, name: str, data: bytes, calibration: np.ndarray) -> tuple[Model, Row]:
        """Make a variant of the ONNX bytes and run it in its engine, one face a call.

        calibration: float32 [n, 3, S, S]. The row has the variant's engine, precision, size_kb
        (of all its files), parity, nme, nme_change (relative) and `fault`, which says why it must
        not be published, or nothing. What cannot be converted has a fault and no figures.
        """
        variant = VARIANTS[name]
        row: Row = {"variant": name, "engine": variant.engine, "precision": variant.precision}
        try:
            model = variant.make(data, calibration)
        except ConversionError as error:
            return {}, row | {"fault": str(error)}
        figures = self._figures(ENGINES[variant.engine].open(model))
        size = {"size_kb": sum(map(len, model.values())) / 1024}
        return model, row | size | figures | {"fault": self._fault(variant, figures)}

    def _figures(self, session: Session) -> dict[str, float]:
        indices = self.faces.indices("test")
        found = predict(session, self.faces.crops(indices))
        error = nme(found, self.faces.landmarks[indices], self.faces.scheme).mean()
        return {
            "parity": float(np.abs(found[: len(self.exact)] - self.exact).max()),
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
    return np.concatenate([session(face[None]) for face in to_input(crops)])


def calibration(faces: FaceSet, count: int) -> np.ndarray:
    """`count` training faces, or all, spread evenly, as inputs float32 [n, 3, S, S]."""
    train = faces.indices("train")
    places = np.linspace(0, len(train) - 1, min(count, len(train))).round().astype(int)
    return to_input(faces.crops(train[places]))


def publish(
    names: Sequence[str], data: bytes, trial: Trial, calibration: np.ndarray, folder: Path
) -> list[Row]:
    """Make and judge variants of an ONNX net; `folder` then holds those without a fault only.

    Returns every variant's row. Each one left out is said in a line.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = []
    for name in names:
        model, row = trial.run(name, data, calibration)
        if row["fault"]:
            say(f"variant {name} is NOT PUBLISHED: {row['fault']}")
        else:
            for path in VARIANTS[name].files(folder):
                write_bytes(path, model[path.suffix])
        rows.append(row)
    return rows


def published(folder: Path) -> dict[str, Model]:
    """The variants whose files are all in a folder, by name."""
    there = {name: v for name, v in VARIANTS.items() if all(f.is_file() for f in v.files(folder))}
    return {
        name: read_model(v.files(folder)[0], ENGINES[v.engine].suffixes)
        for name, v in there.items()
    }
