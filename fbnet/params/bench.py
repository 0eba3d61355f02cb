"""Params of the `bench` stage."""

from pydantic import Field

from fbnet.params.base import Section


class BenchParams(Section):
    """Latency of the exported file on this machine, one face at a time."""

    threads: int = Field(1, ge=1, le=64)
    """Threads of onnxruntime; with one the timing varies least."""
    warmup: int = Field(30, ge=0, le=10_000)
    """Runs of each net before the clock counts."""
    seconds: float = Field(10.0, gt=0, le=600)
    """How long the nets are timed, all in turn."""
    nets: int = Field(12, ge=0, le=100)
    """Nets drawn from the space and timed too, to see how well the latency table predicts."""
    seed: int = Field(1, ge=0)
    """Draws these nets and the timed inputs."""
