"""ONNX Runtime."""

from typing import Any

import numpy as np

from fbnet.engines.base import Engine, Model, Session
from fbnet.errors import BadInput


def open_session(data: bytes, threads: int) -> Any:
    """An onnxruntime session of an ONNX file's bytes, on the CPU.

    Equal `threads` give equal bits on one machine. Raises BadInput when it is no ONNX file.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own exceptions share no base but this
        reason = str(error).splitlines()[0]
        raise BadInput(
            f"onnxruntime cannot open the model ({reason}); it is broken or no ONNX file"
        ) from None


def _open(onnxruntime: Any, model: Model, threads: int) -> Session:
    session = open_session(model[".onnx"], threads)
    name = session.get_inputs()[0].name

    def run(x: np.ndarray) -> np.ndarray:
        found: np.ndarray = session.run(None, {name: x})[0]
        return found

    return run


ENGINE = Engine("onnxruntime", "onnxruntime", (".onnx",), batched=True, _open=_open)
