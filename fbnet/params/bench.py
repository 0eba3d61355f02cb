"""Params of the `bench` stage."""

from pydantic import Field

from fbnet.params.base import Section


class BenchParams(Section):
    """Latency of the exported files on this machine, one face at a time."""

    threads: int = Field(1, ge=1, le=64)
    """Threads of the engines; with one the timing varies least."""
    warmup: int = Field(30, ge=0, le=10_000)
    """Runs of each net before the clock counts."""
    seconds: float = Field(15.0, gt=0, le=600)
    """How long the nets are timed, all in turn."""
    nets: int = Field(50, ge=0, le=200)
    """Nets drawn from the space and timed too, to see how well the latency table predicts."""
    mape_warn: float = Field(0.1, gt=0)
    """Warn of a table whose predictions are off by more than this share on average."""
    spearman_warn: float = Field(0.9, ge=-1, le=1)
    """Warn of a table whose order of the nets agrees less than this with the measured one."""
    seed: int = Field(1, ge=0)
    """Draws these nets and the timed inputs."""
