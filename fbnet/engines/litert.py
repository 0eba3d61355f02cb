"""LiteRT (Google), formerly TensorFlow Lite: inputs [N, H, W, C]; `onnx2tf` converts to it.

onnx2tf needs Python 3.12 or newer and an environment of its own (`make tflite-env`);
ai-edge-quantizer stores the weights in fp16 or makes the file int8.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fbnet.engines.base import (
    FULL,
    Model,
    Session,
    cannot_open,
    converter_file,
    first_line,
    fixed_batch,
    output_place,
    quiet,
    ranged,
    run_converter,
)


def convert(data: bytes, precision: str, calibration: np.ndarray | None) -> Model:
    """An ONNX net as {".tflite": bytes}; an open batch size becomes 1."""
    from fbnet.engines import ENGINES

    engine = ENGINES["litert"]
    program = engine.converter_program()
    with TemporaryDirectory() as name:
        source, output = Path(name) / "model.onnx", Path(name) / "model_float32.tflite"
        source.write_bytes(fixed_batch(data, 1))
        # No progress; inputs and outputs keep their names; nets come simplified.
        command = [program, "-i", str(source), "-o", name, "-n", "-coion", "-nuo"]
        run_converter(engine.converter, command, (output,))
        full = output.read_bytes()
    if precision == FULL:
        return {".tflite": full}
    converter_file("ai-edge-quantizer", "ai_edge_quantizer")
    with quiet():
        half = precision == "fp16"
        return {".tflite": _half(full) if half else _static_int8(full, ranged(calibration))}


def _half(data: bytes) -> bytes:
    """The model with its weights stored in fp16; it computes in fp32."""
    from ai_edge_quantizer import qtyping, quantizer

    weights = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    config = qtyping.OpQuantizationConfig(
        weight_tensor_config=weights, compute_precision=qtyping.ComputePrecision.FLOAT
    )
    casting = quantizer.Quantizer(data)
    casting.update_quantization_recipe(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        op_config=config,
        algorithm_key=quantizer.AlgorithmName.FLOAT_CASTING,
    )
    return bytes(casting.quantize().quantized_model)


def _static_int8(data: bytes, inputs: np.ndarray) -> bytes:
    """The model in int8, a scale for each output channel; its input and output stay float32."""
    from ai_edge_quantizer import qtyping, quantizer

    static = quantizer.Quantizer(data)
    names = qtyping.TFLOperationName
    static.add_static_config(
        regex=".*",
        operation_name=names.ALL_SUPPORTED,
        activation_num_bits=8,
        weight_num_bits=8,
    )
    for end in (names.INPUT, names.OUTPUT):
        static.update_quantization_recipe(
            regex=".*", operation_name=end, algorithm_key=quantizer.AlgorithmName.NO_QUANTIZE
        )
    return bytes(static.quantize(_ranges(static, data, inputs)).quantized_model)


def _ranges(static: Any, data: bytes, inputs: np.ndarray) -> Mapping[str, Mapping[str, Any]]:
    """Least and largest value of every activation over the inputs.

    The quantiser alone takes a moving average over them, which cuts off what few faces reach: the
    NME then grows by a quarter of a point instead of some hundredths.
    """
    from ai_edge_litert.interpreter import Interpreter

    signatures = Interpreter(model_content=data).get_signature_list()
    [(signature, ends)] = signatures.items()
    [into] = ends["inputs"]
    seen = [
        static.calibrate({signature: [{into: _channels_last(x[None])}]}, num_threads=1)
        for x in inputs
    ]
    return {
        name: {
            "min": np.min([each[name]["min"] for each in seen], axis=0),
            "max": np.max([each[name]["max"] for each in seen], axis=0),
        }
        for name in seen[0]
    }


def open_session(litert: Any, model: Model, threads: int, output: str = "") -> Session:
    """Load a model; its session takes inputs of the model's own shape, as [N, C, H, W]."""
    with quiet():
        try:
            interpreter = litert.Interpreter(model_content=model[".tflite"], num_threads=threads)
            interpreter.allocate_tensors()
        except Exception as error:  # ValueError or RuntimeError
            raise cannot_open("litert", first_line(error)) from None
    into = interpreter.get_input_details()[0]
    ends = interpreter.get_output_details()
    outof = ends[output_place("litert", output, [end["name"] for end in ends])]

    def run(x: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(into["index"], _channels_last(x))
        interpreter.invoke()
        y: np.ndarray = interpreter.get_tensor(outof["index"])
        return y.transpose(0, 3, 1, 2) if y.ndim == 4 else y

    return run


def _channels_last(x: np.ndarray) -> np.ndarray:
    """[N, C, H, W] as [N, H, W, C]."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))
