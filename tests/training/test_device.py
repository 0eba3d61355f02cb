"""Who starts the processes of a training."""

import pytest
from lightning_fabric.plugins.environments import LightningEnvironment

from fbnet.errors import BadInput
from fbnet.training import device


def test_inside_an_allocation_of_slurm_processes_are_started_here(monkeypatch):
    assert device._environment(2) is None
    monkeypatch.setenv("SLURM_NTASKS", "1")
    assert isinstance(device._environment(2), LightningEnvironment)
    monkeypatch.setenv("SLURM_NTASKS", "2")
    assert isinstance(device._environment(2), LightningEnvironment), "a batch script, without srun"
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    assert device._environment(2) is None, "srun has started both"
    with pytest.raises(BadInput, match="srun started 2 tasks"):
        device._environment(4)
