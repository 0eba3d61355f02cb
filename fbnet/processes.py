"""Which of several training processes this is."""

import os

RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
"""Set by torchrun, by Lightning Fabric for the processes that it starts, and by Slurm's srun."""


def is_follower() -> bool:
    """Whether another process leads: of several only the first prints, tracks and writes."""
    return any(os.environ.get(name, "0") != "0" for name in RANKS)
