"""The trainings of the comparison, each with the file that its figures go to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from benchmarks.headline.recipes import RENDERED, Recipe
from fbnet.errors import BadInput


@dataclass(frozen=True)
class Task:
    """One training. run: seed or fold, from 1. rate: a trial's learning rate, None: full length."""

    model: str
    data: str
    recipe: str
    run: int = 1
    rate: float | None = None

    @property
    def name(self) -> str:
        """Unique, such as `photographs/one/lite-3` or `photographs/one/trials/lite-0.003`."""
        folder = f"{self.data}/{self.recipe}"
        if self.rate is not None:
            return f"{folder}/trials/{self.model}-{self.rate:g}"
        return f"{folder}/{self.model}-{self.run}"

    def file(self, root: Path, suffix: str) -> Path:
        """Where something of this training lies under `root`."""
        return root / f"{self.name}{suffix}"


def trials(model: str, name: str, recipe: Recipe) -> list[Task]:
    """The tuning of one model, on rendered faces for both data sets.

    Those are more: on the photographs a trial has too few steps for some nets to leave the mean
    face.
    """
    return [Task(model, RENDERED, name, 1, rate) for rate in recipe.rates.get(model, ())]


def plan(recipes: Mapping[str, Recipe], sets: list[str], pattern: str = "*") -> list[Task]:
    """The wanted trainings whose name fits `pattern`, in a good order.

    The first run of each model comes before the second of any, cheap models first. Raises
    BadInput when none fits.
    """
    found = [task for task in _all(recipes, sets) if fnmatch(task.name, pattern)]
    if not found:
        raise BadInput(f"no training is called {pattern}; see the names with `plan`")
    return found


def _all(recipes: Mapping[str, Recipe], sets: list[str]) -> Iterator[Task]:
    for name, recipe in recipes.items():
        for data in sets:
            wanted = recipe.runs[data]
            for run in range(1, max(wanted.values()) + 1):
                for model, runs in wanted.items():
                    if run == 1 and data == RENDERED:
                        yield from trials(model, name, recipe)
                    if run <= runs:
                        yield Task(model, data, name, run)
