"""ONNX Runtime: runs the exported file as it is, and in static int8."""

from typing import Any

import numpy as np

from fbnet.engines.base import FULL, Model, Session, cannot_open, first_line, output_place, ranged


def convert(data: bytes, precision: str, calibration: np.ndarray | None) -> Model:
    """The ONNX file itself, or one of its int8 forms (`fbnet.engines.int8`)."""
    if precision == FULL:
        return {".onnx": data}
    from fbnet.engines.int8 import static_int8

    return {".onnx": static_int8(data, ranged(calibration), qdq=precision == "int8_qdq")}


def open_session(onnxruntime: Any, model: Model, threads: int, output: str = "") -> Session:
    """Load a model with `inference_session`."""
    session = inference_session(model[".onnx"], threads)
    name, given = session.get_inputs()[0].name, [value.name for value in session.get_outputs()]
    outof = given[output_place("onnxruntime", output, given)]

    def run(x: np.ndarray) -> np.ndarray:
        values: np.ndarray = session.run([outof], {name: x})[0]
        return values

    return run


def inference_session(data: bytes, threads: int) -> Any:
    """An `onnxruntime.InferenceSession` of an ONNX file's bytes, on the CPU.

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
        raise cannot_open("onnxruntime", first_line(error)) from None
