"""Methods of search on the table: what each would have picked for its compute.

A method sees MACs, and validation NMEs of one seed as far as it pays for their epochs.
"""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.nas_table import SHORT
from benchmarks.nas_table.query import Choice, Table
from fbnet.costs.lut import Lut
from fbnet.params import PredictorParams, SearchParams, SpaceParams, TrainParams
from fbnet.search.predictor import Predictor, Score, Setup
from fbnet.search.workers import ThisProcess

EPOCHS: int = SHORT["epochs"]
"""Of the table's short trainings."""


@dataclass(frozen=True)
class Band:
    """The nets among which a search chooses, and what it may know of them."""

    table: Table
    choices: Sequence[Choice]
    seed: int
    """Of the trainings that the search sees."""
    lut: Lut
    space: SpaceParams

    def seen(self, choice: Choice, epoch: int = EPOCHS) -> float:
        """Validation NME after an epoch of the seed that the search sees."""
        return self.table.nme(choice, self.seed, epoch, "val")

    def seconds(self, choice: Choice, epochs: int = EPOCHS) -> float:
        """Core-seconds of so many epochs of a net's training."""
        return self.table.by_choice[choice][self.seed].core_seconds * epochs / EPOCHS


@dataclass(frozen=True)
class Pick:
    """What a search chose, and what it took."""

    choice: Choice
    seconds: float
    scores: Mapping[Choice, float] = field(default_factory=dict)
    """By which it ranks all nets of the band, lower first; empty where it does not."""


Method = Callable[[Band, float, np.random.Generator], Pick | None]
"""`method(band, seconds, rng)`; None where it cannot do with so little compute."""
Fixed = Callable[[Band, np.random.Generator], Pick]
"""`method(band, rng)`: takes what it takes."""


def largest(band: Band, rng: np.random.Generator) -> Pick:
    """The net with the most MACs: no training at all."""
    scores = {choice: -float(band.table.macs(choice)) for choice in band.choices}
    return Pick(min(scores, key=scores.__getitem__), 0.0, scores)


def every_net(band: Band, rng: np.random.Generator) -> Pick:
    """Each net trained once: what no method that trains nets once can beat."""
    scores = {choice: band.seen(choice) for choice in band.choices}
    seconds = sum(map(band.seconds, band.choices))
    return Pick(min(scores, key=scores.__getitem__), seconds, scores)


def random_search(band: Band, seconds: float, rng: np.random.Generator) -> Pick | None:
    """Train nets drawn at random to the end while compute lasts; the best by validation."""
    trained, spent = [], 0.0
    for index in rng.permutation(len(band.choices)):
        choice = band.choices[index]
        if spent + band.seconds(choice) > seconds:
            break
        spent += band.seconds(choice)
        trained.append(choice)
    return Pick(min(trained, key=band.seen), spent) if trained else None


def evolution(band: Band, seconds: float, rng: np.random.Generator) -> Pick | None:
    """Aging evolution (Real et al. 2019) on whole trainings."""
    best, spent = evolve(band.choices, band.seen, band.seconds, seconds, rng)
    return Pick(best, spent) if best else None


def evolve(
    choices: Sequence[Choice],
    fitness: Callable[[Choice], float],
    price: Callable[[Choice], float],
    limit: float,
    rng: np.random.Generator,
) -> tuple[Choice | None, float]:
    """The fittest net that aging evolution met while `limit` lasted, and what it spent.

    A child is one of the nets not yet met that differ from its parent, the best of a tournament,
    in the fewest layers.
    """
    unmet = [choices[i] for i in rng.permutation(len(choices))]
    population: list[Choice] = []
    best: Choice | None = None
    spent = 0.0
    while unmet:
        child = unmet[0]
        if len(population) >= 5:
            tournament = [population[i] for i in rng.permutation(len(population))[:3]]
            parent = min(tournament, key=fitness)
            child = min(unmet, key=lambda c: sum(a != b for a, b in zip(c, parent, strict=True)))
        if spent + price(child) > limit:
            break
        unmet.remove(child)
        spent += price(child)
        population = [*population, child][-10:]
        best = child if best is None else min(best, child, key=fitness)
    return best, spent


class Recorded(ThisProcess):
    """Answers trainings from the table, and adds up what they would have taken."""

    def __init__(self, band: Band) -> None:
        """Nothing is trained yet."""
        self.band, self.epochs = band, dict[Choice, int]()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The score of `train(setup, choice, epoch)`."""
        _, choice, epoch = args
        self.epochs[choice] = max(epoch, self.epochs.get(choice, 0))
        nme = self.band.seen(choice, epoch)
        future: Future[Any] = Future()
        future.set_result(Score(nme, nme, nme))
        return future

    @property
    def seconds(self) -> float:
        """Core-seconds so far."""
        return sum(self.band.seconds(choice, epochs) for choice, epochs in self.epochs.items())


class OnTable(Predictor):
    """The project's predictor, of which all that it may choose is in the table."""

    order: Sequence[Choice] = ()

    def __post_init__(self) -> None:
        """There are no faces; the band is the budget."""
        self.params, self.budget = self.setup.params, None

    def pool(self) -> list[Choice]:
        """The band's nets in a random order."""
        return list(self.order)


def predictor(band: Band, seconds: float, rng: np.random.Generator) -> Pick | None:
    """`search.method: predictor` with its rungs on the table's epochs, as large as compute lets."""
    epoch = float(np.mean([band.seconds(choice, 1) for choice in band.choices]))
    if (params := scaled(seconds / epoch, len(band.choices))) is None:
        return None
    executor = Recorded(band)
    search_params = SearchParams(
        method="predictor", cost="macs", alpha=1.0, beta=0.0, predictor=params
    )
    setup = Setup(Path(), band.space, search_params, None, TrainParams(devices=1), Path())
    search = OnTable(setup, band.lut, executor)
    search.order = [band.choices[i] for i in rng.permutation(len(band.choices))]
    with redirect_stdout(io.StringIO()):  # of a thousand searches
        ranked = search.run()
    scores = dict(zip(band.choices, search.expected(band.choices).tolist(), strict=True))
    for choice in band.choices:
        if executor.epochs.get(choice, 0) == EPOCHS:
            scores[choice] = band.seen(choice)
    return Pick(ranked[0].choice, executor.seconds, scores)


def scaled(epochs: float, most: int) -> PredictorParams | None:
    """The predictor's default for so many epochs of nets; None where they are too few.

    Halving from 2 over 4 to 8 epochs takes 4 epochs a net on average; a third of the epochs goes
    to what the regression proposes.
    """
    top = int(epochs / 3 / (2 * EPOCHS))
    nets = min(most, int((epochs - 2 * top * EPOCHS) / 4.2))
    if nets < 4:
        return None
    return PredictorParams(nets=nets, rungs=(2, 4, EPOCHS), rounds=2 if top else 0, top=max(1, top))


BUDGETED: Mapping[str, Method] = {
    "random search": random_search,
    "evolution on trainings": evolution,
    "predictor": predictor,
}
"""Methods that train as many nets as their compute lets."""
FIXED: Mapping[str, Fixed] = {
    "largest within budget": largest,
    "every net trained once": every_net,
}
"""Methods that take what they take."""
SAMPLED = 6
"""Nets that FBNet samples and scores beside the likeliest: `search.candidates`."""
EVALUATIONS = 30
"""Nets of a band that evolution on a supernet may score."""


@dataclass(frozen=True)
class Supernet:
    """What a searched supernet says of the table's nets, and what it took."""

    nmes: Mapping[Choice, float]
    """Validation NME under its weights, statistics of batch norm estimated anew."""
    likelihoods: Mapping[Choice, float]
    """Minus log probability under the learned distribution."""
    search: float
    """Core-seconds of the search."""
    scoring: float
    """Core-seconds of scoring one net."""

    def ranking(self, band: Band, rng: np.random.Generator) -> Pick:
        """The best of all the band's nets by inherited weights."""
        scores = {choice: self.nmes[choice] for choice in band.choices}
        seconds = self.search + self.scoring * len(scores)
        return Pick(min(scores, key=scores.__getitem__), seconds, scores)

    def evolution(self, band: Band, rng: np.random.Generator) -> Pick:
        """Aging evolution by inherited weights: the ranking's pick bounds it."""
        limit = EVALUATIONS * self.scoring
        nmes = self.nmes.__getitem__
        best, spent = evolve(band.choices, nmes, lambda _: self.scoring, limit, rng)
        assert best
        return Pick(best, self.search + spent)

    def fbnet(self, band: Band, rng: np.random.Generator) -> Pick:
        """The search's own end: the likeliest net and some samples, the best of them by its NME.

        Both are of the band; the distribution that is learned with the cost at hand ranks nets.
        """
        scores = {choice: self.likelihoods[choice] for choice in band.choices}
        weights = np.exp(min(scores.values()) - np.array([*scores.values()]))
        picked = min(SAMPLED, int((weights > 0).sum()))
        drawn = rng.choice(len(weights), picked, replace=False, p=weights / weights.sum())
        candidates = {min(scores, key=scores.__getitem__), *(band.choices[i] for i in drawn)}
        best = min(sorted(candidates), key=self.nmes.__getitem__)
        return Pick(best, self.search + self.scoring * len(candidates), scores)

    @property
    def methods(self) -> dict[str, Fixed]:
        """By name."""
        return {
            "FBNet": self.fbnet,
            "inherited ranking": self.ranking,
            "evolution on the supernet": self.evolution,
        }


def likelihoods(
    layers: Sequence[Mapping[str, float]], choices: Sequence[Choice]
) -> dict[Choice, float]:
    """Minus log probability of architectures under a learned distribution."""
    return {
        choice: -sum(math.log(max(p[b], 1e-30)) for p, b in zip(layers, choice, strict=True))
        for choice in choices
    }
