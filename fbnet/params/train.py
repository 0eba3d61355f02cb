"""Params of how training computes, shared by search and retrain."""

from typing import Any, Literal

from pydantic import Field

from fbnet.params.base import Section


class TrainParams(Section):
    """Device, precision and threads. Results differ in their last digits between settings."""

    accelerator: Literal["cpu", "cuda", "mps", "auto"] = "cpu"
    """Lightning Fabric accelerator; `auto` takes what the machine has."""
    devices: int = Field(1, ge=1)
    """Processes (CPU) or devices (GPU) on each node."""
    num_nodes: int = Field(1, ge=1)
    """Machines; the launcher (torchrun, Slurm) starts them."""
    strategy: Literal["auto", "ddp"] = "auto"
    """Lightning Fabric strategy; `auto` takes ddp for more than one process."""
    shards: int | None = Field(None, ge=1)
    """Parts that a batch is cut into, each normalised on its own; null: one a process. A number
    gives the same result, to rounding, for any number of processes that divides it."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Lightning Fabric precision; fp16 would need the loss scaled, which no step here does."""
    threads: int = Field(2, ge=1)
    """Threads of the numeric libraries. Never taken from the machine: the bytes depend on them."""

    def arithmetic(self) -> dict[str, Any]:
        """What an unfinished training must share to be gone on with: not where it ran."""
        return self.model_dump(exclude={"devices", "num_nodes", "strategy"})
