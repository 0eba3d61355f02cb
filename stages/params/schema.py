"""The params of the pipeline as typed sections: those of the library, and those of the app."""

import os

from pydantic import Field

from fbnet.params import (
    NNI_SPACE,
    AugmentParams,
    BenchParams,
    ExportParams,
    FetchParams,
    LutParams,
    RetrainParams,
    SearchParams,
    Section,
    SpaceParams,
    TrainParams,
)


class ReportParams(Section):
    """What the report of a run shows."""

    faces: int = Field(12, ge=1, le=200)
    """Test faces shown, spread evenly over the set."""
    worst: int = Field(12, ge=1, le=200)
    """Test faces with the largest errors shown."""
    baselines: str = Field("benchmarks/results/headline/table.json", min_length=1)
    """Table of other nets to set beside, as `python -m benchmarks.headline` leaves it."""


class MlflowParams(Section):
    """Where runs are recorded; no result depends on it."""

    enabled: bool = True
    """Record runs in MLflow. Off, the stages leave the same files and connect to nothing."""
    experiment: str = Field("fbnet-pfld", min_length=1)
    """MLflow experiment that holds the runs."""
    log_changes: bool = False
    """Keep the uncommitted diff and the names of untracked files with each run: these may name
    people, and they go wherever the runs go."""
    register_model: bool = False
    """Add each exported model to the model registry; off, so that sweeps do not flood it."""
    best_within_ms: float | None = Field(None, gt=0)
    """Slowest latency in ms of a version that may have the alias `best`; null sets no limit."""
    model_name: str = Field("fbnet-pfld", min_length=1, pattern="^[^/:'\"`]+$")
    """Name in the model registry, which takes no slash, colon or quote in it."""


class Params(Section):
    """All params of the pipeline. Every key must stand here; stages check the whole file first.

    Change some for one run: make repro SET="search.beta=0.3 search.epochs=20".

    `fbnet check --write` writes these comments anew and adds missing keys; values stay.
    """

    space: str = "nni"
    """Which of `spaces` is searched."""
    spaces: dict[str, SpaceParams] = Field(default_factory=lambda: {"nni": NNI_SPACE})
    """Named search spaces."""
    fetch: FetchParams = FetchParams()
    lut: LutParams = LutParams()
    search: SearchParams = SearchParams()
    retrain: RetrainParams = RetrainParams()
    export: ExportParams = ExportParams()
    bench: BenchParams = BenchParams()
    report: ReportParams = ReportParams()
    augment: AugmentParams = AugmentParams()
    train: TrainParams = TrainParams()
    mlflow: MlflowParams = MlflowParams()

    @property
    def search_space(self) -> SpaceParams:
        """The space that `space` names."""
        return self.spaces[self.space]


def renders(params: Params) -> bool:
    """Whether the faces are rendered: `fetch.root` holds a head instead of photographs."""
    return os.path.exists(f"{params.fetch.root}/head.npz")
