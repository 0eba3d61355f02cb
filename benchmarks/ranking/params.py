"""Params of the benchmark, typed; `params.yaml` beside this file states every key."""

from pathlib import Path

from pydantic import Field, PositiveFloat, field_validator

from fbnet.params import Section
from stages.params import checked, read_yaml

FILE = Path(__file__).with_name("params.yaml")


class SampleParams(Section):
    """Which architectures are trained alone."""

    count: int = Field(ge=4, le=1000)
    """Architectures, the cheapest and the dearest included."""
    pool: int = Field(ge=100)
    """Architectures drawn, of which each stratum takes its first."""
    seed: int = Field(ge=0)
    """Draws the pool."""


class RecipeParams(Section):
    """How each is trained: the `retrain` section from scratch, but for these."""

    epochs: int = Field(ge=1)
    """Epochs over all training faces."""
    validate_every: int = Field(ge=1)
    """Epochs between validations; the last epoch is always validated."""
    seeds: tuple[int, ...] = Field(min_length=2, max_length=2)
    """Seeds of the initial weights and of all draws; ablations take the first."""


class SearchesParams(Section):
    """Searches over seeds, under the project's params."""

    seeds: tuple[int, ...] = Field(min_length=1)
    """Every draw of a search hangs on its seed."""
    tables: tuple[Path, ...]
    """Other latency tables by which each seed searches too."""
    budgets: tuple[PositiveFloat, ...] = Field(min_length=1)
    """MACs that one more search each may spend."""

    @field_validator("tables")
    @classmethod
    def _names_differ(cls, tables: tuple[Path, ...]) -> tuple[Path, ...]:
        if len({table.stem for table in tables}) < len(tables):
            raise ValueError("results are named by the tables' files: rename one of the same name")
        return tables


class AblationParams(Section):
    """Keys of the `search` section for searches with one thing changed, on reduced data."""

    proxy_share: float = Field(gt=0, le=1)
    """Share of the training faces."""
    arch_batch: int = Field(ge=2)
    """As many architecture steps as on all faces."""
    min_steps: int = Field(ge=0)
    """No more epochs for having fewer faces."""


class VerdictParams(Section):
    """How what was measured is read."""

    resamples: int = Field(ge=10)
    """Bootstrap draws over architectures for the intervals of tau."""
    confidence: float = Field(gt=0, lt=1)
    """Of these intervals."""
    seed: int = Field(ge=0)
    """Draws the resamples."""


class RunParams(Section):
    """How the trainings and searches run; no verdict hangs on it."""

    processes: int = Field(ge=1)
    """Trainings at once."""
    threads: int = Field(ge=1)
    """Threads of each; a subnet gains little from more."""


class RankingParams(Section):
    """The whole file."""

    sample: SampleParams
    recipe: RecipeParams
    searches: SearchesParams
    ablations: AblationParams
    verdict: VerdictParams
    run: RunParams


def load(path: str | Path = FILE) -> RankingParams:
    """Read and check the file. Raises BadInput that names file, line and key."""
    return checked(path, read_yaml(path), RankingParams)
