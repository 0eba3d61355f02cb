"""Static int8 of an ONNX net, by onnxruntime: weights and activations, scales from real faces."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx

CALIBRATION_BATCH = 32
SCORE = "test_nme"
"""What the file's metadata says of its accuracy: true of the fp32 net only."""


def static_int8(data: bytes, inputs: np.ndarray) -> bytes:
    """The net in QDQ form with 8-bit activations and weights; equal inputs give equal bytes.

    inputs: float32 [n, 3, S, S] in 0..1; the range of every activation is taken over them. Weights
    have a scale for each channel and use 7 of the 8 bits, since x86 without VNNI saturates in
    16-bit sums. The last convolution, which gives the coordinates, stays in fp32. Metadata is kept
    but for the score.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    model = onnx.load_from_string(data)
    with TemporaryDirectory() as folder, _silent():
        made = Path(folder) / "int8.onnx"
        quantize_static(
            model,
            made,
            _reader(model.graph.input[0].name, inputs),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[_last_convolution(model)],
        )
        quantised = onnx.load(made)
    kept = {prop.key: prop.value for prop in model.metadata_props if prop.key != SCORE}
    onnx.helper.set_model_props(quantised, dict(sorted(kept.items())))
    return bytes(quantised.SerializeToString(deterministic=True))


def _last_convolution(model: onnx.ModelProto) -> str:
    return [node.name for node in model.graph.node if node.op_type == "Conv"][-1]


def _reader(name: str, inputs: np.ndarray):  # type: ignore[no-untyped-def]
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            starts = range(0, len(inputs), CALIBRATION_BATCH)
            self.left = iter([{name: inputs[at : at + CALIBRATION_BATCH]} for at in starts])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.left, None)

    return Reader()


@contextmanager
def _silent() -> Iterator[None]:
    """The quantiser recommends a preparation that the export has done already."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
