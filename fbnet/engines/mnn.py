"""MNN (Alibaba), by its session interface."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fbnet.engines.base import Engine, Model, Session, cannot_read, quiet


def _open(mnn: Any, model: Model, threads: int) -> Session:
    with TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "model.mnn"
        path.write_bytes(model[".mnn"])
        try:
            interpreter = mnn.Interpreter(str(path))
            session = interpreter.createSession({"backend": "CPU", "numThread": threads})
        except Exception as error:  # its wrapper raises plain exceptions
            raise cannot_read("MNN", str(error)) from None
    into, outof = interpreter.getSessionInput(session), interpreter.getSessionOutput(session)
    shape = tuple(into.getShape())
    found = _tensor(mnn, np.zeros(outof.getShape(), np.float32))

    def run(x: np.ndarray) -> np.ndarray:
        if x.shape != shape:  # MNN would read past the end
            raise ValueError(f"input is {list(x.shape)}, the model takes {list(shape)}")
        into.copyFrom(_tensor(mnn, x))
        interpreter.runSession(session)
        outof.copyToHostTensor(found)
        return np.array(found.getNumpyData())

    return run


def _tensor(mnn: Any, values: np.ndarray) -> Any:
    """A tensor in NCHW order with a copy of `values`, float32."""
    return mnn.Tensor(values.shape, mnn.Halide_Type_Float, values, mnn.Tensor_DimensionType_Caffe)


ENGINE = Engine("mnn", "MNN", (".mnn",), batched=True, _open=_open)
