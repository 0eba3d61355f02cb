"""Params of the `bench` stage."""

from pydantic import Field

from fbnet.params.base import Section


class BenchParams(Section):
    """Latency of the exported file on this machine, one face at a time."""

    threads: int = Field(1, ge=1)
    """Threads of onnxruntime; with one the timing varies least."""
    warmup: int = Field(30, ge=0)
    """Runs before the clock counts."""
    seconds: float = Field(5.0, gt=0, le=600)
    """How long the file is timed."""
