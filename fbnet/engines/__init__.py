"""The engines that run exported nets here: onnxruntime, MNN and ncnn, behind one interface.

A model is the bytes of its files by suffix, such as {".param": ..., ".bin": ...}; `read_model`
takes it from disk and `fbnet.engines.convert` makes it from ONNX. All compute in fp32, on the CPU.
"""

from fbnet.engines import mnn, ncnn, onnxruntime
from fbnet.engines.base import Engine, Model, Session, read_model

ENGINES: dict[str, Engine] = {
    each.name: each for each in (onnxruntime.ENGINE, mnn.ENGINE, ncnn.ENGINE)
}
"""By the name that params use."""

__all__ = ["ENGINES", "Engine", "Model", "Session", "read_model"]
