"""Where and how training computes: Lightning Fabric from the params."""

import ctypes
import sys

import cv2
import torch
from lightning_fabric import Fabric
from torch.utils import deterministic

from fbnet.params import TrainParams

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's mallopt."""
LARGEST_KEPT, KEPT_IN_ALL = 1 << 30, (1 << 31) - 1
"""Bytes."""


def launch(train: TrainParams) -> Fabric:
    """Fabric for the params' devices and precision, its processes started.

    Threads come from params, never from the number of cores: the bytes depend on them.
    """
    prepare(train.threads)
    fabric = Fabric(
        accelerator=train.accelerator,
        devices=train.devices,
        num_nodes=train.num_nodes,
        strategy=train.strategy,
        precision=train.precision,
    )
    fabric.launch()
    return fabric


def prepare(threads: int) -> None:
    """Make this process compute reproducibly, and as fast as that allows."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # It would fill every tensor that is about to be written anyway: an eighth of a step.
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    _keep_freed_memory()


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
