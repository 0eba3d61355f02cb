"""Where and how training computes: Lightning Fabric from the params."""

import cv2
import torch
from lightning_fabric import Fabric

from fbnet.params.train import TrainParams


def launch(train: TrainParams) -> Fabric:
    """Fabric for the params' accelerator and precision.

    Threads come from params, never from the number of cores: the bytes depend on them.
    """
    torch.set_num_threads(train.threads)
    cv2.setNumThreads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling fresh memory is a tenth of a step; no operation here reads memory it has not written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return Fabric(accelerator=train.accelerator, devices=1, precision=train.precision)


def one_process() -> Fabric:
    """Fabric on this machine's CPU, for use as a library."""
    return Fabric(accelerator="cpu", devices=1)
