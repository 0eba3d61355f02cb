"""ncnn (Tencent): one input at a time; `pnnx` converts to it."""

import re
from collections.abc import Sequence
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
    fixed_batch,
    output_names,
    output_place,
    quiet,
    run_converter,
)

WEIGHT_OPTIONS = {FULL: "fp16=0", "fp16": "fp16=1"}
"""How the weights are stored, by precision."""
HALF = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage")
"""Options that would round to 16 bits on processors that can compute in them."""


def convert(data: bytes, precision: str, calibration: np.ndarray | None) -> Model:
    """An ONNX net as {".param": bytes, ".bin": bytes}; an open batch size becomes 1."""
    program = converter_file("pnnx", "pnnx").with_name("pnnx")
    with TemporaryDirectory() as name:
        source = Path(name) / "model.onnx"
        source.write_bytes(fixed_batch(data, 1))
        outputs = {suffix: Path(name) / f"model.ncnn{suffix}" for suffix in (".param", ".bin")}
        command = [str(program), str(source), WEIGHT_OPTIONS[precision]]
        run_converter("pnnx", command, tuple(outputs.values()))
        param = _named(outputs[".param"].read_bytes(), output_names(data))
        return {".param": param, ".bin": outputs[".bin"].read_bytes()}


def _named(param: bytes, names: Sequence[str]) -> bytes:
    """A net's text with the names of several outputs, which pnnx calls out0, out1 and so on."""
    if len(names) > 1:
        for number, name in enumerate(names):
            param = re.sub(rb"\bout%d\b" % number, name.encode(), param)
    return param


def open_session(ncnn: Any, model: Model, threads: int, output: str = "") -> Session:
    """Load a model; its session takes one input a call."""
    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_vulkan_compute = False
    for option in HALF:
        setattr(net.opt, option, False)
    with TemporaryDirectory() as folder, quiet():
        param, weights = Path(folder) / "model.param", Path(folder) / "model.bin"
        param.write_bytes(model[".param"])
        weights.write_bytes(model[".bin"])
        # Short-circuits: weights without a graph end the process.
        if net.load_param(str(param)) or net.load_model(str(weights)):
            raise cannot_open("ncnn", "not a .param and .bin that belong together")
    into, given = net.input_names()[0], net.output_names()
    outof = given[output_place("ncnn", output, given)]

    def run(x: np.ndarray) -> np.ndarray:
        if len(x) != 1:
            raise ValueError(f"{len(x)} inputs, ncnn takes one a call")
        image = np.ascontiguousarray(x[0])  # kept until the end: ncnn reads this very memory
        extractor = net.create_extractor()
        extractor.input(into, ncnn.Mat(image))
        return np.array(extractor.extract(outof)[1])[None]

    return run
