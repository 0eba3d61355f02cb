"""MNN (Alibaba): its converter, and its session interface."""

import hashlib
import re
import sys
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fbnet.engines.base import (
    FULL,
    ConversionError,
    Model,
    Session,
    cannot_open,
    converter_file,
    fixed_batch,
    output_place,
    quiet,
    run_converter,
)

# Its command `mnnconvert` also reports to its makers; the function under it does not.
CONVERTER = "import sys, _tools; sys.exit(not _tools.mnnconvert(sys.argv))"
WEIGHT_OPTIONS: dict[str, tuple[str, ...]] = {
    FULL: (),
    "fp16": ("--fp16",),
    "int8": ("--weightQuantBits", "8"),
}
"""How the weights are stored, by precision."""
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def convert(data: bytes, precision: str, calibration: np.ndarray | None) -> Model:
    """An ONNX net as {".mnn": bytes}; an open batch size becomes 1."""
    converter_file("MNN", "_tools")
    with TemporaryDirectory() as name:
        source, output = Path(name) / "model.onnx", Path(name) / "model.mnn"
        source.write_bytes(fixed_batch(data, 1))
        files = ("--modelFile", str(source), "--MNNModel", str(output), "--bizCode", "fbnet")
        options = ("-f", "ONNX", *files, *WEIGHT_OPTIONS[precision])
        run_converter("MNN", [sys.executable, "-c", CONVERTER, *options], (output,))
        return {".mnn": _with_identity_of_content(output.read_bytes())}


def _with_identity_of_content(data: bytes) -> bytes:
    """Replace the random identity that MNN draws for each file by a digest of its content."""
    identities = set(UUID.findall(data))
    if len(identities) != 1:
        raise ConversionError(f"an MNN file with {len(identities)} identities instead of one")
    blank = data.replace(identities.pop(), b"0" * 36)
    # Of version 4 in form, as MNN's own are.
    identity = uuid.UUID(bytes=hashlib.sha256(blank).digest()[:16], version=4)
    return blank.replace(b"0" * 36, str(identity).encode())


def open_session(mnn: Any, model: Model, threads: int, output: str = "") -> Session:
    """Load a model; its session takes inputs of the model's own shape only."""
    with TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "model.mnn"
        path.write_bytes(model[".mnn"])
        try:
            interpreter = mnn.Interpreter(str(path))
            session = interpreter.createSession({"backend": "CPU", "numThread": threads})
        except Exception as error:  # its wrapper raises plain exceptions
            raise cannot_open("MNN", str(error)) from None

    def tensor(values: np.ndarray) -> Any:
        """A float32 tensor in NCHW order with a copy of `values`."""
        kind, order = mnn.Halide_Type_Float, mnn.Tensor_DimensionType_Caffe
        return mnn.Tensor(values.shape, kind, values, order)

    into = interpreter.getSessionInput(session)
    if output:
        output_place("mnn", output, [*interpreter.getSessionOutputAll(session)])
    outof = interpreter.getSessionOutput(session, *([output] if output else []))
    shape = tuple(into.getShape())
    values = tensor(np.zeros(outof.getShape(), np.float32))

    def run(x: np.ndarray) -> np.ndarray:
        if x.shape != shape:  # MNN would read past the end
            raise ValueError(f"input is {list(x.shape)}, the model takes {list(shape)}")
        into.copyFrom(tensor(x))
        interpreter.runSession(session)
        outof.copyToHostTensor(values)
        return np.array(values.getNumpyData())

    return run
