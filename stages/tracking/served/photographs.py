"""The model that `mlflow models serve` runs for photographs: faces as `fbnet predict` writes them.

MLflow keeps this file and the library beside the ONNX file and runs them there, without torch.
"""

import base64
import binascii
import json
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PythonModel

from fbnet.errors import BadInput
from fbnet.predict.landmarker import Landmarker
from fbnet.predict.output import PictureEntry, Result
from fbnet.predict.pictures import decode_picture

COLUMN = "image"
MOST_PICTURES = 16
"""In one request."""
MOST_BYTES = 32 * 2**20
"""Of a picture's file."""
DETECTOR = "mtcnn"


class Refused(MlflowException):
    """Bad input, which a server sends as status 400, in one line.

    The server puts the whole input before an exception's message.
    """

    def __init__(self, line: str) -> None:
        super().__init__(line, error_code=INVALID_PARAMETER_VALUE)
        self.line = line

    def serialize_as_json(self) -> str:
        """What the server sends."""
        return json.dumps({"error_code": self.error_code, "message": self.line})


class Photographs(PythonModel):
    """The faces in photographs: a string each in column `image`, the file's bytes in base64."""

    # The signature is given: without this MLflow warns of missing type hints at every load.
    _skip_type_hint_validation = True

    def load_context(self, context: Any) -> None:
        """Open the ONNX file and the detector, on the CPU."""
        self.path = Path(context.artifacts["onnx"])
        self.landmarker = Landmarker(self.path, detector=DETECTOR)
        self.landmarker.detector  # noqa: B018 - so that its fault comes with the start

    # MLflow would take a hint of `model_input` as the signature.
    def predict(self, context: Any, model_input, params: Any = None) -> Any:  # type: ignore[no-untyped-def]
        """The document of `fbnet.predict.output.Result`; raises Refused."""
        images = list(model_input[COLUMN])
        if not 0 < len(images) <= MOST_PICTURES:
            raise Refused(
                f"{COLUMN}: {len(images)} pictures; send 1 to {MOST_PICTURES} in one request"
            )
        named = {f"{COLUMN}-{number}": text for number, text in enumerate(images, start=1)}
        try:
            entries = [self._entry(name, text) for name, text in named.items()]
        except BadInput as error:
            raise Refused(str(error)) from None
        result = Result.of(self.landmarker, self.path.name, DETECTOR, entries)
        return result.model_dump(mode="json")

    def _entry(self, name: str, text: object) -> PictureEntry:
        image = decode_picture(_file(name, text), name)
        return PictureEntry.of(name, name, image, self.landmarker(image))


def _file(name: str, text: object) -> bytes:
    """The bytes that base64 states, with or without `data:image/jpeg;base64,` before it."""
    wrong = f"{name}: is not base64; send a JPEG's or PNG's bytes in base64"
    if not isinstance(text, str):  # MLflow lets null and numbers pass
        raise BadInput(wrong)
    if len(text) > MOST_BYTES * 4 / 3:
        raise BadInput(f"{name}: more than {MOST_BYTES // 2**20} MB; send a smaller file")
    try:
        return base64.b64decode("".join(text.rpartition(",")[2].split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadInput(wrong) from None


mlflow.models.set_model(Photographs())
