"""What all tests share: no run of MLflow or DVC around them leaks in, and none of theirs out."""

import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from lightning_fabric import Fabric

from fbnet import errors
from fbnet.faces.faceset import FaceSet
from fbnet.landmarks import SCHEMES
from fbnet.params import SpaceParams, StageParams
from tests.waiting import until

SIZE, POINTS = 32, 68
FOREIGN = ("MLFLOW_", "DVC_", "RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide the surrounding run; keep usage reports off."""
    for name in os.environ:
        if name.startswith(FOREIGN):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    yield


@pytest.fixture
def stop_signals() -> Iterator[None]:
    """For tests that let stop signals come: handlers and what came are put back afterwards."""
    handlers = {each: signal.getsignal(each) for each in errors.STOPPING}
    yield
    for each, handler in handlers.items():
        signal.signal(each, handler)
    signal.set_wakeup_fd(-1)
    until(lambda: not errors._watched or len(errors._came) >= len(errors._signals), seconds=2)
    errors.forget_signals()


@pytest.fixture(scope="session")
def faces() -> FaceSet:
    """60 pictures of a bright square; the landmarks lie on a grid over it."""
    rng = np.random.default_rng(0)
    count = 60
    images = rng.integers(0, 60, (count, SIZE, SIZE, 3), dtype=np.uint8)
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 10), np.linspace(0, 1, 7)), -1).reshape(-1, 2)
    landmarks = np.empty((count, POINTS, 2), np.float32)
    for i in range(count):
        x, y = rng.integers(2, 14, 2)
        images[i, y : y + 16, x : x + 16] += 150
        landmarks[i] = (np.array([x, y]) + 16 * grid[:POINTS]) / SIZE
    left, right = SCHEMES[POINTS].eyes
    landmarks[:, right] = landmarks[:, left] + 0.3
    return FaceSet(
        images=images,
        landmarks=landmarks,
        pose=np.zeros((count, 3), np.float32),
        split=np.array([0] * 44 + [1] * 8 + [2] * 8, np.uint8),
        names=[str(i) for i in range(count)],
        groups=[str(i // 2) for i in range(count)],
        size=SIZE,
        margin=0,
        layout="drawn",
        source="drawn",
    )


@pytest.fixture(scope="session")
def space() -> SpaceParams:
    """Three layers in two stages."""
    first = StageParams(ops=("sep_k3", "mb_k3_res"), layer_num=1, channels=32, stride=1)
    second = StageParams(ops=("gh_k3", "mb_k3", "skip"), layer_num=2, channels=16, stride=2)
    return SpaceParams(stages=(first, second))


@pytest.fixture(scope="session")
def fabric() -> Fabric:
    """One CPU process."""
    return Fabric(accelerator="cpu", devices=1)
