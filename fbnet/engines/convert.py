"""From ONNX to the files of other engines, by the converters of their wheels.

Equal ONNX gives equal bytes. The converters run as processes of their own: they print much, and a
model that they cannot take may end the process. None of them reaches for the network.
"""

import hashlib
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import onnx

from fbnet.errors import BadInput

K = TypeVar("K", bound=Hashable)

# The wheel's command `mnnconvert` also reports to its makers; the function under it does not.
MNN_CONVERT = "import sys, _tools; sys.exit(not _tools.mnnconvert(sys.argv))"
MNN_WEIGHTS: dict[str, tuple[str, ...]] = {
    "fp32": (),
    "fp16": ("--fp16",),
    "int8": ("--weightQuantBits", "8"),
}
"""How MNN stores the weights; it computes in fp32 with all of them."""
NCNN_WEIGHTS = {"fp32": "fp16=0", "fp16": "fp16=1"}
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


class ConversionError(RuntimeError):
    """A converter did not write what it was asked for."""


def to_mnn(data: bytes, weights: str = "fp32", batch: int = 1) -> dict[str, bytes]:
    """An ONNX net as {".mnn": bytes} for `batch` inputs; weights: fp32, fp16 or int8.

    Raises BadInput when the wheel MNN is missing, ConversionError when it cannot convert.
    """
    _place("MNN", "_tools")
    with TemporaryDirectory() as name:
        source, made = Path(name) / "model.onnx", Path(name) / "model.mnn"
        source.write_bytes(fixed_batch(data, batch))
        files = ("--modelFile", str(source), "--MNNModel", str(made), "--bizCode", "fbnet")
        options = ("-f", "ONNX", *files, *MNN_WEIGHTS[weights])
        _run("MNN", [sys.executable, "-c", MNN_CONVERT, *options], (made,))
        return {".mnn": _same_identity(made.read_bytes())}


def to_ncnn(data: bytes, weights: str = "fp32") -> dict[str, bytes]:
    """An ONNX net of one input as {".param": bytes, ".bin": bytes}; weights: fp32 or fp16.

    Raises BadInput when the wheel pnnx is missing, ConversionError when it cannot convert.
    """
    program = _place("pnnx", "pnnx").with_name("pnnx")
    with TemporaryDirectory() as name:
        source = Path(name) / "model.onnx"
        source.write_bytes(fixed_batch(data, 1))
        made = {suffix: Path(name) / f"model.ncnn{suffix}" for suffix in (".param", ".bin")}
        _run("pnnx", [str(program), str(source), NCNN_WEIGHTS[weights]], tuple(made.values()))
        return {suffix: path.read_bytes() for suffix, path in made.items()}


CONVERTERS: dict[str, Callable[[bytes], dict[str, bytes]]] = {
    "onnxruntime": lambda data: {".onnx": data},
    "mnn": to_mnn,
    "ncnn": to_ncnn,
}
"""By engine: from ONNX bytes to the engine's model with fp32 weights."""


def convert_all(models: Mapping[K, bytes], engine: str) -> dict[K, dict[str, bytes]]:
    """ONNX nets as models of `engine`, several at a time; equal nets are converted once."""
    distinct = list(dict.fromkeys(models.values()))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = dict(zip(distinct, pool.map(CONVERTERS[engine], distinct), strict=True))
    return {key: made[data] for key, data in models.items()}


def fixed_batch(data: bytes, batch: int) -> bytes:
    """The net for `batch` inputs at once, where its file leaves their number open."""
    model = onnx.load_from_string(data)
    for value in (*model.graph.input, *model.graph.output):
        first = value.type.tensor_type.shape.dim[0]
        if first.dim_param:
            first.dim_value = batch
    return bytes(model.SerializeToString(deterministic=True))


def input_shape(data: bytes) -> tuple[int, ...]:
    """Shape of the first input of an ONNX net; what it leaves open is 1."""
    value = onnx.load_from_string(data).graph.input[0]
    return tuple(dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim)


def _place(wheel: str, module: str) -> Path:
    """Where a wheel's module lies; importing it may be slow (pnnx imports torch)."""
    found = find_spec(module)
    if found is None or found.origin is None:
        raise BadInput(f"the wheel {wheel} is not installed here; pip install {wheel}")
    return Path(found.origin)


def _run(wheel: str, command: Sequence[str], made: Sequence[Path]) -> None:
    done = subprocess.run(
        command, cwd=made[0].parent, capture_output=True, text=True, errors="replace"
    )
    if done.returncode or not all(path.is_file() for path in made):
        said = (done.stdout + done.stderr).strip().splitlines()
        raise ConversionError(f"{wheel} cannot convert the net: {said[-1] if said else 'no word'}")


def _same_identity(data: bytes) -> bytes:
    """MNN draws each file a random identity; put in its place one that hangs on the content."""
    drawn = set(UUID.findall(data))
    if len(drawn) != 1:
        raise ConversionError(f"an MNN file with {len(drawn)} identities instead of one")
    blank = data.replace(drawn.pop(), b"0" * 36)
    # Of version 4 in form, as MNN's own are.
    chosen = uuid.UUID(bytes=hashlib.sha256(blank).digest()[:16], version=4)
    return blank.replace(b"0" * 36, str(chosen).encode())
