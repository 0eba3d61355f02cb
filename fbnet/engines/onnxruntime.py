"""ONNX Runtime."""

from typing import Any

import numpy as np

from fbnet.engines.base import Engine, Model, Session, cannot_read


def _open(onnxruntime: Any, model: Model, threads: int) -> Session:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            model[".onnx"], options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its own exceptions share no base but this
        raise cannot_read("onnxruntime", str(error).splitlines()[0]) from None
    name = session.get_inputs()[0].name

    def run(x: np.ndarray) -> np.ndarray:
        found: np.ndarray = session.run(None, {name: x})[0]
        return found

    return run


ENGINE = Engine("onnxruntime", "onnxruntime", (".onnx",), batched=True, _open=_open)
