"""What all tests share: no run of MLflow or DVC around them leaks in, and none of theirs out."""

import os
from collections.abc import Iterator

import pytest

FOREIGN = ("MLFLOW_", "DVC_", "RANK", "LOCAL_RANK")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide the surrounding run; keep usage reports off."""
    for name in os.environ:
        if name.startswith(FOREIGN):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    yield
