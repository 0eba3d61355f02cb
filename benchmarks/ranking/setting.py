"""What all steps of the benchmark share: params, inputs, and where results lie."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.ranking.params import RankingParams
from benchmarks.ranking.trainings import Ledger, Recipe
from fbnet.costs.lut import Lut, from_json
from fbnet.files import read_json
from fbnet.params import SearchParams, TrainParams
from fbnet.search.sampling import Choice
from stages.params import Params
from stages.results import Results

RESULTS = Path(__file__).with_name("results")
PAGE = Path(__file__).parents[2] / "docs/search.md"


@dataclass(frozen=True)
class Setting:
    """Params of project and benchmark.

    searched: folder of the search under test. only: pattern of the searches that the step
    `search` runs. page: quotes the tables.
    """

    params: Params
    ranking: RankingParams
    searched: Path = Results().searched.parent
    only: str = "*"
    results: Path = RESULTS
    page: Path = PAGE

    def lut(self, cost: str | None = None) -> Lut:
        """The table of `cost` (`macs`, `latency`), by default of the one searched by."""
        return from_json(Results().lut(cost or self.params.search.cost), self.params.search_space)

    @property
    def supernet(self) -> Path:
        """Weights of the search under test."""
        return self.searched / Results().supernet.name

    @property
    def sample(self) -> list[Choice]:
        """The stratified architectures, cheapest first."""
        return [tuple(choice) for choice in read_json(self.results / "architectures.json")]

    @property
    def chosen(self) -> Choice:
        """The architecture that the search under test chose."""
        return tuple(read_json(self.searched / Results().searched.name)["choice"])

    @property
    def train(self) -> TrainParams:
        """One process of the benchmark."""
        return self.params.train.model_copy(update={"threads": self.ranking.run.threads})

    @cached_property
    def recipe(self) -> Recipe:
        """The stand-alone training: the retrain section's, shorter and from scratch."""
        own = self.ranking.recipe
        changes = {
            "inherit": False,
            "min_steps": 0,
            "epochs": own.epochs,
            "validate_every": own.validate_every,
        }
        retrain = self.params.retrain.model_copy(update=changes)
        augment = self.params.augment if retrain.augment else None
        return Recipe(Results().faces, self.params.search_space, retrain, augment, self.train)

    @cached_property
    def ledger(self) -> Ledger:
        """Results of trainings from scratch."""
        return Ledger(self.results / "trainings", self.recipe)

    @cached_property
    def inheriting(self) -> Ledger:
        """Results of the same trainings from the supernet's weights."""
        return Ledger(self.results / "trainings", self.recipe.inheriting(self.supernet))

    def search_params(self, **changes: Any) -> SearchParams:
        """The project's search section, changed."""
        return SearchParams.model_validate(self.params.search.model_dump() | changes)
