"""Params of the MLflow tracking."""

from pydantic import Field

from fbnet.params.base import Section


class MlflowParams(Section):
    """Where runs are recorded; no result depends on it."""

    enabled: bool = True
    """Record runs in MLflow. Off, the stages leave the same files and connect to nothing."""
    experiment: str = Field("fbnet-pfld", min_length=1)
    """MLflow experiment that holds the runs."""
    register_model: bool = False
    """Add each exported model to the model registry; off, so that sweeps do not flood it."""
    best_within_ms: float | None = Field(None, gt=0)
    """Slowest latency in ms of a version that may have the alias `best`; null sets no limit."""
    model_name: str = Field("fbnet-pfld", min_length=1)
    """Name in the model registry."""
