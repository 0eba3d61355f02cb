"""Core ML (Apple): converted anywhere, run on macOS only."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fbnet.engines.base import (
    ConversionError,
    Model,
    Session,
    cannot_open,
    converter_file,
    first_line,
    fixed_batch,
    input_shape,
    output_names,
    output_place,
    quiet,
)

INPUT = "image"


def convert(data: bytes, precision: str, calibration: np.ndarray | None) -> Model:
    """An ONNX net as {".mlmodel": bytes}, a neural network for iOS 14 or macOS 11 and newer.

    An open batch size becomes 1. Outputs keep their names. What the file says that it takes and
    gives is checked.
    """
    converter_file("coremltools", "coremltools")
    import torch

    from fbnet.engines.torch_net import torch_net

    fixed = fixed_batch(data, 1)
    net, example = torch_net(fixed), torch.zeros(input_shape(fixed))
    names = output_names(fixed)
    with quiet():  # one thread at a time: torch.jit keeps its state in the module
        import coremltools

        try:
            model = coremltools.convert(
                torch.jit.trace(net, (example,)),
                inputs=[coremltools.TensorType(INPUT, shape=tuple(example.shape))],
                outputs=[coremltools.TensorType(name) for name in names],
                convert_to="neuralnetwork",
                minimum_deployment_target=coremltools.target.iOS14,
                skip_model_load=True,
            )
        except Exception as error:  # its passes raise what they come across
            raise ConversionError(f"coreml cannot convert: {first_line(error)}") from None
    spec = model.get_spec()
    spec.description.metadata.Clear()  # the day, and versions
    taken = {end.name: tuple(end.type.multiArrayType.shape) for end in spec.description.input}
    given = [end.name for end in spec.description.output]
    if (taken, given) != ({INPUT: tuple(example.shape)}, names):
        raise ConversionError(f"coreml takes {taken} and gives {given}, not what the net does")
    return {".mlmodel": bytes(spec.SerializeToString(deterministic=True))}


def open_session(coremltools: Any, model: Model, threads: int, output: str = "") -> Session:
    """Load a model for the CPU, on macOS; Core ML chooses the number of threads."""
    with TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "model.mlmodel"
        path.write_bytes(model[".mlmodel"])
        try:
            cpu = coremltools.ComputeUnit.CPU_ONLY
            loaded = coremltools.models.MLModel(str(path), compute_units=cpu)
        except Exception as error:  # RuntimeError, or what protobuf raises
            raise cannot_open("coreml", first_line(error)) from None
    given = [end.name for end in loaded.get_spec().description.output]
    name = given[output_place("coreml", output, given)]

    def run(x: np.ndarray) -> np.ndarray:
        return np.asarray(loaded.predict({INPUT: np.ascontiguousarray(x)})[name], np.float32)

    return run
