"""params.yaml as typed, frozen models, one file a section."""

from pydantic import Field

from fbnet.params.augment import AugmentParams
from fbnet.params.base import Section
from fbnet.params.bench import BenchParams
from fbnet.params.export import ExportParams
from fbnet.params.fetch import FetchParams
from fbnet.params.lut import LutParams
from fbnet.params.mlflow import MlflowParams
from fbnet.params.report import ReportParams
from fbnet.params.retrain import RetrainParams
from fbnet.params.search import SearchParams
from fbnet.params.space import SEED_SPACE, SpaceParams
from fbnet.params.train import TrainParams


class Params(Section):
    """The whole of params.yaml."""

    space: str = "seed"
    """Which of `spaces` is searched."""
    spaces: dict[str, SpaceParams] = Field(default_factory=lambda: {"seed": SEED_SPACE})
    """Named search spaces."""
    fetch: FetchParams = FetchParams()
    lut: LutParams = LutParams()
    search: SearchParams = SearchParams()
    retrain: RetrainParams = RetrainParams()
    export: ExportParams = ExportParams()
    bench: BenchParams = BenchParams()
    report: ReportParams = ReportParams()
    augment: AugmentParams = AugmentParams()
    """Shared by search and retrain."""
    train: TrainParams = TrainParams()
    """Shared by search and retrain: device, precision, threads."""
    mlflow: MlflowParams = MlflowParams()

    @property
    def search_space(self) -> SpaceParams:
        """The space that `space` names."""
        return self.spaces[self.space]


__all__ = [
    "SEED_SPACE",
    "AugmentParams",
    "BenchParams",
    "ExportParams",
    "FetchParams",
    "LutParams",
    "MlflowParams",
    "Params",
    "ReportParams",
    "RetrainParams",
    "SearchParams",
    "Section",
    "SpaceParams",
    "TrainParams",
]
