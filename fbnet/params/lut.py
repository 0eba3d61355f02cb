"""The `lut` section: how block costs are found."""

from typing import Literal

from pydantic import Field, model_validator

from fbnet.params.base import Section


class LutParams(Section):
    """Latency table: measured here in an engine, or read from a device's file."""

    source: Literal["measure", "file"] = "measure"
    """`measure`: `engine` on this machine; `file`: read `file`, measured on a device."""
    file: str = ""
    """Device table (`latency.json`, or the seed's `lut.txt` or `lut.npy`); for `source: file`."""
    file_unit: Literal["us", "ms"] = "us"
    """Unit of a `lut.txt` or `lut.npy`; the seed writes microseconds."""
    file_fixed_ms: float = Field(0.0, ge=0)
    """What the stem and the head cost on the device, in ms: the seed's tables do not say."""
    engine: Literal["onnxruntime", "mnn", "ncnn"] = "onnxruntime"
    """Engine in which the blocks are timed: onnxruntime, mnn or ncnn."""
    threads: int = Field(1, ge=1, le=64)
    """Threads of the engine; 1 makes repeats agree."""
    batch: int = Field(1, ge=1, le=64)
    """Faces in one call; a cost is that of the call. ncnn takes one."""
    warmup: int = Field(20, ge=1, le=10_000)
    """Runs of each model before any is timed."""
    rounds: int = Field(100, ge=5, le=10_000)
    """Least number of timed rounds; each round times every model in turn."""
    ci_target: float = Field(0.02, gt=0, le=1)
    """Stop when the 95 % interval of every median is within this share of it (half width)."""
    max_seconds: float = Field(30.0, gt=0, le=3600)
    """Stop after this time all the same, in seconds."""
    seed: int = Field(0, ge=0)
    """Draws the weights and inputs of the timed models."""

    @model_validator(mode="after")
    def _file_goes_with_source(self) -> "LutParams":
        if (self.source == "file") != bool(self.file):
            raise ValueError(
                "`file` names the table exactly when `source` is file; set both or neither"
            )
        return self

    @model_validator(mode="after")
    def _ncnn_takes_one(self) -> "LutParams":
        if self.engine == "ncnn" and self.batch > 1:
            raise ValueError("ncnn runs one face a call; set `batch` to 1 or choose another engine")
        return self
