"""ONNX Runtime: runs the exported file as it is, and in static int8."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fbnet.engines.base import FULL, Model, Session, cannot_open

CALIBRATION_BATCH = 32
SCORE = "test_nme"
"""Key of the file's metadata for its accuracy: true of the fp32 net only."""


def convert(data: bytes, precision: str, calibration: np.ndarray | None) -> Model:
    """The ONNX file itself, or its int8 form (`static_int8`)."""
    if precision == FULL:
        return {".onnx": data}
    if calibration is None:
        raise ValueError("int8 takes the ranges of its activations over calibration inputs")
    return {".onnx": static_int8(data, calibration)}


def open_session(onnxruntime: Any, model: Model, threads: int, output: str = "") -> Session:
    """Load a model with `inference_session`."""
    session = inference_session(model[".onnx"], threads)
    name = session.get_inputs()[0].name

    def run(x: np.ndarray) -> np.ndarray:
        values: np.ndarray = session.run([output] if output else None, {name: x})[0]
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
        raise cannot_open("onnxruntime", str(error).splitlines()[0]) from None


def static_int8(data: bytes, inputs: np.ndarray) -> bytes:
    """An ONNX net in QDQ form with 8-bit activations and weights; equal inputs give equal bytes.

    inputs: float32 [n, 3, S, S] in 0..1; the range of every activation is taken over them. Weights
    have a scale for each channel and use 7 of the 8 bits, since x86 without VNNI saturates in
    16-bit sums. The last convolution before each output, such as the one that gives coordinates,
    stays in fp32. Metadata is kept but for the score.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    model = onnx.load_from_string(data)
    with TemporaryDirectory() as folder, _without_advice():
        path = Path(folder) / "int8.onnx"
        quantize_static(
            model,
            path,
            _calibration_reader(model.graph.input[0].name, inputs),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_last_convolutions(model.graph),
        )
        quantised = onnx.load(path)
    metadata = {prop.key: prop.value for prop in model.metadata_props if prop.key != SCORE}
    onnx.helper.set_model_props(quantised, dict(sorted(metadata.items())))
    return bytes(quantised.SerializeToString(deterministic=True))


def _last_convolutions(graph: Any) -> list[str]:
    """Names of the convolutions that no other one follows on the way to an output."""
    makers = {name: node for node in graph.node for name in node.output}
    wanted, last = [value.name for value in graph.output], []
    while wanted:
        node = makers.get(wanted.pop())
        if node is not None and node.op_type == "Conv":
            last.append(node.name)
        elif node is not None:
            wanted += node.input
    return last


def _calibration_reader(name: str, inputs: np.ndarray) -> Any:
    """The inputs in batches, in the form that onnxruntime's quantiser reads."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            starts = range(0, len(inputs), CALIBRATION_BATCH)
            self.batches = iter([{name: inputs[at : at + CALIBRATION_BATCH]} for at in starts])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.batches, None)

    return Reader()


@contextmanager
def _without_advice() -> Iterator[None]:
    """The quantiser recommends a preparation that the export has done already."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
