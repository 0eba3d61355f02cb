"""Where and how training computes: Lightning Fabric from the params, threads, random draws."""

import ctypes
import logging
import os
import sys
import zlib
from collections.abc import Callable, Mapping

import cv2
import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from torch.utils import deterministic

from fbnet.errors import BadInput
from fbnet.params import TrainParams
from fbnet.processes import hear_stops, stops_held_back

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's mallopt."""
LARGEST_KEPT, KEPT_IN_ALL = 1 << 30, (1 << 31) - 1
"""Freed memory that stays with the process, in bytes: of one block, and altogether."""


def launch(train: TrainParams) -> Fabric:
    """Fabric for the params' devices and precision, its processes started.

    From then on this process computes reproducibly, and as fast as that allows. Threads come from
    params, never from the number of cores: the bytes depend on them. Raises BadInput as
    `require_devices`.
    """
    require_devices(train)
    torch.set_num_threads(train.threads)
    cv2.setNumThreads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Without it cuBLAS does not compute reproducibly; read when CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # It would fill every tensor that is about to be written anyway: an eighth of a step.
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    _keep_freed_memory()
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # else it lists the processes
    fabric = Fabric(
        accelerator=train.accelerator,
        devices=train.devices,
        num_nodes=train.num_nodes,
        strategy=train.strategy,
        precision=train.precision,
        plugins=_environment(train.devices * train.num_nodes),
    )
    with stops_held_back():
        fabric.launch()
    if not fabric.is_global_zero:
        hear_stops()
    return fabric


def require_devices(train: TrainParams) -> None:
    """Raise BadInput for an accelerator that is not there, and for more GPUs than there are."""
    has: Mapping[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
    }
    if train.accelerator in has and not has[train.accelerator]():
        raise BadInput(
            f"train.accelerator: {train.accelerator}, and torch sees none on this machine; take "
            "cpu, or auto"
        )
    gpus = torch.cuda.device_count()
    if train.accelerator in ("cuda", "auto") and 0 < gpus < train.devices:
        raise BadInput(f"train.devices: {train.devices}, and this machine has {gpus} GPU(s)")


def _environment(processes: int) -> LightningEnvironment | None:
    """None where Fabric recognises who started the processes, else that it starts them itself.

    Inside an allocation of Slurm every program sees Slurm's variables: only what `srun` started as
    so many tasks is a process of a training. Raises BadInput for another number of tasks.
    """
    if "SLURM_NTASKS" not in os.environ:
        return None
    tasks = int(os.environ.get("SLURM_STEP_NUM_TASKS", "1"))
    if tasks not in (1, processes):
        raise BadInput(
            f"srun started {tasks} tasks, and train.devices x train.num_nodes is {processes}; make "
            "them equal"
        )
    return (
        None
        if tasks == processes > 1 or TorchElasticEnvironment.detect()
        else LightningEnvironment()
    )


def _keep_freed_memory() -> None:
    """Let freed memory stay with the process, where glibc's malloc is in use.

    By default large blocks go back to the system at once, and every map of every step is paged in
    anew: a tenth of a step.
    """
    if sys.platform != "linux":
        return
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(M_TRIM_THRESHOLD, KEPT_IN_ALL)


def one_process() -> Fabric:
    """Fabric on this machine's CPU, for use as a library."""
    return Fabric(accelerator="cpu", devices=1)


def generator_for(seed: int, purpose: str, step: int) -> torch.Generator:
    """A CPU generator for one draw.

    It depends on (seed, purpose, step) alone, so that resuming a run changes no draw.
    """
    return torch.Generator().manual_seed(seed_for(seed, purpose, step))


def seed_for(seed: int, purpose: str, step: int) -> int:
    """A generator's seed, 63 bits that depend on (seed, purpose, step) alone."""
    words = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), step])
    return int(words.generate_state(1, np.uint64)[0] >> np.uint64(1))
