"""The model that `mlflow models serve` runs for face crops: the ONNX file behind checks of input.

MLflow keeps this file beside the ONNX file and runs it there: it imports nothing of the project.
"""

import sys
from typing import Any

import mlflow
import numpy as np
import onnxruntime
from mlflow.pyfunc import PythonModel

MOST_FACES = 128
"""In one request."""
TOLERANCE = 1e-3
"""Resizing leaves values a little outside of 0..1."""


class Landmarks(PythonModel):
    """Landmarks [N, P, 2] of the faces in `image`, float32 [N, 3, S, S] of 0..1."""

    # The signature is given: without this MLflow warns of missing type hints at every load.
    _skip_type_hint_validation = True

    def load_context(self, context: Any) -> None:
        """Open the ONNX file on the CPU."""
        self.session = onnxruntime.InferenceSession(
            context.artifacts["onnx"], providers=["CPUExecutionProvider"]
        )
        if "mlflow.pyfunc.scoring_server.app" in sys.modules:
            # The server repeats the whole input in its errors: pictures of people, by the megabyte.
            np.set_printoptions(override_repr=lambda a: f"array of shape {list(a.shape)}")

    # MLflow would take a hint of `model_input` as the signature.
    def predict(self, context: Any, model_input, params: Any = None) -> Any:  # type: ignore[no-untyped-def]
        """Check the faces and run the net. Raises MlflowException, which a server sends as 400."""
        entry = self.session.get_inputs()[0]
        image = model_input[entry.name] if isinstance(model_input, dict) else model_input
        if not 0 < len(image) <= MOST_FACES:
            raise _wrong(f"{entry.name}: {len(image)} faces; send 1 to {MOST_FACES} in one request")
        low, high = float(np.min(image)), float(np.max(image))
        if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):  # NaN is neither
            raise _wrong(
                f"{entry.name}: values from {low:g} to {high:g}; the net takes 0 to 1: divide "
                "pixels by 255"
            )
        values = self.session.run(None, {entry.name: np.asarray(image, np.float32)})
        names = [output.name for output in self.session.get_outputs()]
        return dict(zip(names, values, strict=True))


def _wrong(message: str) -> Exception:
    return mlflow.MlflowException.invalid_parameter_value(message)


mlflow.models.set_model(Landmarks())
