"""What all trainings share: data, the searched architecture, where results lie."""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.headline.recipes import FOLDS, PHOTOGRAPHS, RECIPES, Recipe
from benchmarks.headline.tasks import Task
from benchmarks.identity import identity
from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.faces.prepare import prepare
from fbnet.faces.split import assign
from fbnet.files import read_json
from fbnet.params import FetchParams, TrainParams
from stages.params import Params

RESULTS = Path(__file__).with_name("results")
ROOT = Path(__file__).parents[2]
PAGE, README = ROOT / "docs/headline.md", ROOT / "README.md"
WORK = Path(".checkpoints/headline")
"""Weights, prepared photographs, unfinished trainings: nothing of it goes into git."""


@dataclass(frozen=True)
class Setting:
    """sources: folder of each data set at hand. searched: the subnet's `architecture.json`.

    threads: of a training; figures change in their last digits with it.
    """

    params: Params
    sources: Mapping[str, Path]
    searched: Path
    recipes: Mapping[str, Recipe] = dataclasses.field(default_factory=lambda: RECIPES)
    results: Path = RESULTS
    work: Path = WORK
    page: Path = PAGE
    readme: Path = README
    threads: int = 1

    @property
    def train(self) -> TrainParams:
        """The project's params, but for the threads."""
        return self.params.train.model_copy(update={"threads": self.threads})

    @cached_property
    def choice(self) -> tuple[str, ...]:
        """The searched architecture. Raises BadInput when it is of another space."""
        found = read_json(self.searched)
        if found["space"] != self.params.space:
            raise BadInput(
                f"{self.searched}: searched in space {found['space']}, params have "
                f"{self.params.space}; set `space`"
            )
        return tuple(found["choice"])

    @cached_property
    def _sets(self) -> dict[str, FaceSet]:
        return {}

    @staticmethod
    def folds(data: str) -> bool:
        """Whether the runs on a data set are folds; else they are seeds on one split."""
        return data == PHOTOGRAPHS

    def faces(self, task: Task) -> FaceSet:
        """The faces of a task; on photographs split for its fold."""
        if task.data not in self._sets:
            self._sets[task.data] = self._load(task.data)
        faces = self._sets[task.data]
        return folded(faces, task.run) if self.folds(task.data) else faces

    def digest(self, task: Task) -> str:
        """Tells data sets apart, wherever they lie."""
        return short(identity(self.faces(task)))

    def _load(self, data: str) -> FaceSet:
        if data not in self.sources:
            raise BadInput(f"no faces called {data} were given; see --help")
        folder = self.sources[data]
        if (folder / "meta.json").exists():
            return FaceSet.load(folder)
        made = self.work / f"{data}-{short(folder.resolve())}"
        try:
            return FaceSet.load(made)
        except BadInput:  # not prepared yet, or by a version that stored faces otherwise
            return prepare(FetchParams(root=str(folder)), made).faces


def folded(faces: FaceSet, fold: int, folds: int = FOLDS) -> FaceSet:
    """`faces` with fold 1..folds as test; a tenth of the other photographs is for validation.

    Photographs (groups) are dealt out by a fixed draw, whole, so that folds hold equally many.
    """
    names = sorted(set(faces.groups))
    order = np.random.default_rng(0).permutation(len(names))
    dealt = {names[at]: place % folds + 1 for place, at in enumerate(order)}
    given = ["test" if dealt[group] == fold else None for group in faces.groups]
    split = assign(faces.groups, given, 0.0, 0.1, seed=fold)
    return dataclasses.replace(faces, split=split)


def short(value: Any) -> str:
    """Sixteen hex digits of a value's text."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]
