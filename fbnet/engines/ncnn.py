"""ncnn (Tencent): one input at a time."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fbnet.engines.base import Engine, Model, Session, cannot_read, quiet

HALF = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage")
"""Options that would round to 16 bits on processors that can compute in them."""


def _open(ncnn: Any, model: Model, threads: int) -> Session:
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
            raise cannot_read("ncnn", "not a .param and .bin that belong together")
    into, outof = net.input_names()[0], net.output_names()[0]

    def run(x: np.ndarray) -> np.ndarray:
        kept = np.ascontiguousarray(x[0])  # until the end: ncnn reads this very memory
        extractor = net.create_extractor()
        extractor.input(into, ncnn.Mat(kept))
        return np.array(extractor.extract(outof)[1])[None]

    return run


ENGINE = Engine("ncnn", "ncnn", (".param", ".bin"), batched=False, _open=_open)
