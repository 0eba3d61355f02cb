"""Ask the table of trained nets; needs no torch, only the CSV file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean

from benchmarks.core.rows import FILE
from benchmarks.nas_table import BANDS, ENDS
from fbnet.errors import BadInput
from fbnet.files import csv_rows

PATH = Path(__file__).parents[1] / "results" / "nas_table" / FILE
SEPARATOR = "|"
"""Between the blocks of an architecture in a cell."""
SPLITS = ("val", "test")
Choice = tuple[str, ...]
Curve = Mapping[int, tuple[float, float]]
"""Epoch -> validation NME and test NME."""


@dataclass(frozen=True)
class Training:
    """One training of one architecture; NMEs are fractions."""

    choice: Choice
    seed: int
    macs: int
    params: int
    epochs: int
    curve: Curve
    core_seconds: float
    """Processor time of the training on the machine where it ran."""

    @property
    def test_nme(self) -> float:
        """After the last epoch."""
        return self.curve[self.epochs][1]

    @classmethod
    def parse(cls, row: Mapping[str, str]) -> "Training":
        """A row of the CSV file."""
        return cls(
            tuple(row["choice"].split(SEPARATOR)),
            int(row["seed"]),
            int(row["macs"]),
            int(row["params"]),
            int(row["epochs"]),
            read_curve(row["curve"]),
            float(row["core_seconds"]),
        )


class Table:
    """Trained nets by architecture and seed, cheapest first."""

    def __init__(self, trainings: Iterable[Training]) -> None:
        """Of any trainings, as of a part of the file."""
        ordered = sorted(trainings, key=lambda t: (t.macs, t.choice, t.seed))
        self.trainings = {(t.choice, t.seed): t for t in ordered}

    @classmethod
    def load(cls, recipe: str = "short", path: Path = PATH) -> "Table":
        """The trainings of a recipe, `short` or `long`. Raises BadInput where there are none."""
        rows = [row for _, row in csv_rows(path) if row["job"].startswith(f"{recipe}/")]
        if not rows:
            raise BadInput(f"{path}: no training by the recipe {recipe!r}; give short or long")
        return cls(map(Training.parse, rows))

    @cached_property
    def by_choice(self) -> Mapping[Choice, Mapping[int, Training]]:
        """Trainings by architecture, then by seed."""
        trainings: dict[Choice, dict[int, Training]] = {}
        for (choice, seed), training in self.trainings.items():
            trainings.setdefault(choice, {})[seed] = training
        return trainings

    def choices(self, band: str | None = None, seeds: int = 1) -> list[Choice]:
        """Architectures of a band (`7-8`), or all, that have `seeds` trainings or more."""
        low, high = {**BANDS, **ENDS}[band] if band else (0.0, float("inf"))
        return [
            choice
            for choice, trained in self.by_choice.items()
            if len(trained) >= seeds and low <= self.macs(choice) < high
        ]

    def pairs(self, choices: Iterable[Choice]) -> list[tuple[Training, ...]]:
        """The first two trainings of each architecture, by seed."""
        return [tuple(self.by_choice[choice].values())[:2] for choice in choices]

    def macs(self, choice: Choice) -> int:
        """Multiply-accumulates of an architecture."""
        return next(iter(self.by_choice[choice].values())).macs

    def nme(
        self,
        choice: Choice,
        seed: int | None = None,
        epoch: int | None = None,
        split: str = "test",
    ) -> float:
        """NME, a fraction, after an epoch (None: the last) of a seed's training (None: mean).

        split: `test`, by which methods are judged, or `val`, which a method may see. Raises
        KeyError for an architecture, seed or epoch that the table lacks.
        """
        trained = self.by_choice[choice]
        trainings = trained.values() if seed is None else [trained[seed]]
        column = SPLITS.index(split)
        return fmean(t.curve[t.epochs if epoch is None else epoch][column] for t in trainings)

    def best(self, band: str | None = None, split: str = "test", seeds: int = 2) -> Choice:
        """The architecture of a band with the lowest NME, mean of its seeds.

        seeds: trainings that it has at least, so that no lucky one is crowned. Raises ValueError
        where no architecture has as many.
        """
        known = self.choices(band, seeds)
        return min(known, key=lambda choice: self.nme(choice, split=split))


def write_curve(curve: Curve) -> str:
    """A curve as a cell: `epoch:validation/test` for each epoch, NMEs to five digits."""
    return " ".join(f"{epoch}:{val:.5f}/{test:.5f}" for epoch, (val, test) in curve.items())


def read_curve(cell: str) -> Curve:
    """What `write_curve` wrote."""
    curve = {}
    for point in cell.split():
        epoch, _, nmes = point.partition(":")
        val, _, test = nmes.partition("/")
        curve[int(epoch)] = float(val), float(test)
    return curve
