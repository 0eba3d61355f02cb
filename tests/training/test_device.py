"""Who starts the processes of a training."""

import pytest
from lightning_fabric.plugins.environments import LightningEnvironment

from fbnet.errors import BadInput
from fbnet.params import TrainParams
from fbnet.training import device


@pytest.mark.parametrize(("accelerator", "module"), [("cuda", "cuda"), ("mps", "backends.mps")])
def test_an_accelerator_that_is_not_there_is_one_line(monkeypatch, accelerator, module):
    monkeypatch.setattr(f"torch.{module}.is_available", lambda: False)
    with pytest.raises(BadInput, match=rf"train\.accelerator: {accelerator}, and torch sees none"):
        device.launch(TrainParams(accelerator=accelerator, devices=1))


def test_more_gpus_than_there_are_is_one_line(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(BadInput, match=r"train\.devices: 2, and this machine has 1 GPU"):
        device.launch(TrainParams(accelerator="cuda", devices=2))


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
