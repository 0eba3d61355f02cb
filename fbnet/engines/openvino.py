"""OpenVINO (Intel): its intermediate representation, and the CPU plugin in fp32 or int8."""

from concurrent.futures import ThreadPoolExecutor
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
    output_place,
    quiet,
    ranged,
)


def convert(data: bytes, precision: str, calibration: np.ndarray | None) -> Model:
    """An ONNX net as {".xml": bytes, ".bin": bytes}; an open batch size becomes 1.

    int8 is the QDQ form of `fbnet.engines.int8`, read by OpenVINO. The steps are those of its
    command `ovc`, which would report to its makers.
    """
    converter_file("openvino", "openvino")
    import openvino
    from openvino._offline_transformations import apply_moc_transformations

    if precision == "int8":
        from fbnet.engines.int8 import static_int8

        data = static_int8(data, ranged(calibration), qdq=True)
    with TemporaryDirectory() as name, quiet():
        path = Path(name) / "model.xml"
        try:
            net = openvino.Core().read_model(fixed_batch(data, 1), b"")
            apply_moc_transformations(net, cf=False)
            for i, node in enumerate(net.get_ordered_ops()):
                node.set_friendly_name(str(i))  # in place of numbers that count up in the process
            openvino.save_model(net, path, compress_to_fp16=precision == "fp16")
        except Exception as error:  # it raises plain RuntimeErrors
            raise ConversionError(f"openvino cannot convert the net: {first_line(error)}") from None
        return {suffix: path.with_suffix(suffix).read_bytes() for suffix in (".xml", ".bin")}


def open_session(openvino: Any, model: Model, threads: int, output: str = "") -> Session:
    """Load a model for the CPU; fp32 stays fp32 also where the processor has bf16."""
    options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    options |= {"NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
    try:
        core = openvino.Core()
        net = core.read_model(model[".xml"], model[".bin"])
        # The plugin takes the signal stack of the thread that loads it and may free it in another:
        # the next signal would end the process. So a thread of its own loads it.
        with ThreadPoolExecutor(1) as loader:
            loaded = loader.submit(core.compile_model, net, "CPU", options).result()
        request = loaded.create_infer_request()
    except Exception as error:  # it raises plain RuntimeErrors
        raise cannot_open("openvino", first_line(error)) from None
    # An output has the names of all that it is in the graph.
    given = [output if output in end.names else end.any_name for end in loaded.outputs]
    place = output_place("openvino", output, given)

    def run(x: np.ndarray) -> np.ndarray:
        return np.array(request.infer([np.ascontiguousarray(x)], share_inputs=True)[place])

    return run
