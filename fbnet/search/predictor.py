"""Search by true short trainings: successive halving, then a regression that proposes nets.

A supernet's shared weights rank nets badly; a few epochs of a net's own rank them well. Drawn nets
train for some epochs, the better ones go on to the next rung (Jamieson and Talwalkar 2016), a ridge
regression on all of them proposes the next to be trained, and the best of those that were trained
to the end is chosen. Every training leaves its files, so an interrupted search resumes.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

from fbnet.costs.lut import Lut, check_size, cost_of, reference_cost
from fbnet.errors import BadInput
from fbnet.faces.faceset import SPLITS, FaceSet
from fbnet.files import read_json, write_json
from fbnet.nets.pfld import build_auxnet, build_subnet
from fbnet.params import AugmentParams, RetrainParams, SearchParams, SpaceParams, TrainParams
from fbnet.progress import Log, no_log, say
from fbnet.search.cost import budget, check_cost_form, fits, total_loss
from fbnet.search.draws import draws
from fbnet.search.loop import proxy_set
from fbnet.search.ridge import Ridge, attributes
from fbnet.search.sampling import Candidate, Choice
from fbnet.tables import LOSSES
from fbnet.training.checkpoints import Checkpoint
from fbnet.training.device import launch
from fbnet.training.learner import set_start
from fbnet.training.retrain import Retraining
from fbnet.training.schedule import kept
from fbnet.training.validate import validation_loss

UNUSED = 255
"""The code in `FaceSet.split` of a face that is for nothing."""
FEWEST = 3
"""Architectures on which a regression is fitted."""


@dataclass(frozen=True)
class Setup:
    """All that the trainings of one search share; the paths are the same wherever they run.

    faces: folder of the face set. folder: of the trainings' files.
    """

    faces: Path
    space: SpaceParams
    params: SearchParams
    augment: AugmentParams | None
    train: TrainParams
    folder: Path

    def place(self, choice: Choice) -> Path:
        """Folder of one architecture's training."""
        return self.folder / hashlib.sha256("|".join(choice).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Score:
    """How good a net was after an epoch."""

    nme: float
    """On the validation faces, a fraction."""
    quality: float
    """What the objective adds or multiplies the cost to, see `Scorer.quality`."""
    loss: float
    """Mean training loss of the epoch."""


class ShortTraining(Retraining):
    """A training of one net from scratch, one of many."""

    name = "search.predictor"


def train(setup: Setup, choice: Choice, epoch: int) -> Score:
    """Train an architecture up to an epoch, from where it was left; its score then.

    What is done is not done again, by whichever process: each holds the training's lock. Raises
    TrainingDiverged.
    """
    folder = setup.place(choice)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = folder / f"epoch-{epoch}.json"
        if not path.exists():
            with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
                score = _train(setup, choice, epoch, Checkpoint(folder))
            write_json(path, vars(score))
        return Score(**read_json(path))


def _train(setup: Setup, choice: Choice, epoch: int, saved: Checkpoint) -> Score:
    params, p = setup.params, setup.params.predictor
    faces = of_proxy_set(FaceSet.load(setup.faces), params)
    own = {"devices": 1, "num_nodes": 1, "strategy": "auto"}
    fabric = launch(setup.train.model_copy(update=own))
    recipe = RetrainParams(
        seed=params.seed,
        epochs=p.rungs[-1],
        min_steps=0,
        warmup_epochs=min(2.0, p.rungs[-1] / 2),
        batch=p.batch,
        optimizer=params.optimizer,
        lr=p.lr,
        weight_decay=p.weight_decay,
        ema=p.ema,
        loss=params.loss,
        start=params.start,
    )
    net = build_subnet(setup.space, faces.points, choice, faces.size, params.seed)
    set_start(net, faces, params.start)
    pose_net = build_auxnet(faces.size, params.seed, setup.space)
    graph = setup.train.graph == "auto"
    training = ShortTraining(faces, net, pose_net, recipe, setup.augment, fabric, graph=graph)
    training.run(saved, until=epoch)
    last = training.history[epoch - 1]
    quality = last["val_nme"]
    if params.mode == "add":
        validation, loss = faces.indices("validation"), LOSSES[params.loss]
        quality = validation_loss(training.average, pose_net, loss, faces, validation, fabric)
    return Score(last["val_nme"], quality, last["loss"])


def of_proxy_set(faces: FaceSet, params: SearchParams) -> FaceSet:
    """The faces with those of the proxy set alone for training."""
    split, proxy = faces.split.copy(), proxy_set(faces, params)
    split[faces.indices("train")] = UNUSED
    split[proxy] = SPLITS["train"]
    return replace(faces, split=split)


@dataclass
class Predictor:
    """A search under way; `run` goes through it to the end.

    `scores` holds for each architecture its scores by epoch; `history` and `probabilities` have an
    entry for each step, that is each set of trainings: figures, and the share of each block among
    the nets that the step kept.
    """

    setup: Setup
    lut: Lut
    executor: Executor
    log: Log = no_log
    scores: dict[Choice, dict[int, Score]] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    probabilities: list[list[list[float]]] = field(default_factory=list)
    error: float | None = None
    """Of the last regression: root mean square of its leave-one-out errors."""

    def __post_init__(self) -> None:
        """Check faces, table and budget. Raises BadInput."""
        self.faces, self.params = FaceSet.load(self.setup.faces), self.setup.params
        check_size(self.lut, self.faces.size)
        check_cost_form(self.lut, self.params)
        self.budget = budget(self.lut, self.params)

    def run(self) -> list[Candidate]:
        """The architectures that were trained to the end, best objective first."""
        p, pool = self.params.predictor, self.pool()
        *rungs, last = p.rungs
        remaining = pool[: p.nets]
        for epoch in rungs:
            self._step(remaining, epoch)
            remaining = self._best(remaining, epoch)[: kept(p, len(remaining))]
            self._note(remaining)
        self._step(remaining, last)
        self._note(self._ended())
        for _ in range(p.rounds):
            proposed = self.proposals(pool, p.top)
            if not proposed:
                break
            self._step(proposed, last)
            self._note(self._ended())
        return self.ranked()

    def pool(self) -> list[Choice]:
        """Architectures that may be chosen, in a random order: see `PredictorParams`.

        Raises BadInput where none of those that were drawn is within the budget.
        """
        p = self.params.predictor
        drawn = list(dict.fromkeys(draws(self.lut, p.pool, self.params.seed)))
        if not self.budget:
            return drawn
        limit = self.budget.limit
        within = [choice for choice in drawn if fits(self._cost(choice), limit)]
        if not within:
            raise BadInput(
                f"search.predictor.pool: none of {len(drawn)} drawn nets costs {limit:.4g} "
                f"{self.lut.unit} or less; raise it, or the budget"
            )
        near = [choice for choice in within if self._cost(choice) >= (1 - p.band) * limit]
        return near if len(near) >= p.nets else within

    def proposals(self, pool: Sequence[Choice], count: int) -> list[Choice]:
        """The best of the pool by the regression, of those that are not trained to the end.

        Empty where too few nets are known for a regression.
        """
        if len(self.scores) < FEWEST:
            return []
        last = self.params.predictor.rungs[-1]
        others = [c for c in pool if last not in self.scores.get(c, {})]
        order = sorted(
            zip(others, self.expected(others), strict=True),
            key=lambda pair: (self._objective(max(float(pair[1]), 0.0), pair[0]), pair[0]),
        )
        return [choice for choice, _ in order[:count]]

    def expected(self, choices: Sequence[Choice]) -> np.ndarray:
        """The quality [N] at the last rung by a regression on all that trained; sets `error`."""
        known = list(self.scores)
        ridge = Ridge.fit(attributes(self.lut, known), self.at_the_end(known))
        self.error = float(np.sqrt((ridge.errors**2).mean()))
        return ridge.predict(attributes(self.lut, choices)) if choices else np.empty(0)

    def ranked(self) -> list[Candidate]:
        """What was trained to the end, best objective first."""
        last = self.params.predictor.rungs[-1]
        return [
            Candidate(
                choice,
                self.scores[choice][last].nme,
                self._cost(choice),
                self._objective(self.scores[choice][last].quality, choice),
            )
            for choice in self._best(self._ended(), last)
        ]

    def _step(self, choices: Sequence[Choice], epoch: int) -> None:
        """Train `choices` up to an epoch, at once as far as the executor can."""
        say(f"search: {len(choices)} nets to epoch {epoch}")
        count = len(choices)
        scores = self.executor.map(train, [self.setup] * count, choices, [epoch] * count)
        for choice, score in zip(choices, scores, strict=True):
            self.scores.setdefault(choice, {})[epoch] = score
        of_step = [self.scores[choice][epoch] for choice in choices]
        row = {
            "epoch": float(len(self.history) + 1),
            "loss": fmean(score.loss for score in of_step),
            "val_nme": min(score.nme for score in of_step),
            "nets": float(count),
            "trained_epochs": float(epoch),
            "expected_cost": fmean(map(self._cost, choices)),
        }
        self.history.append(row)
        self.log(len(self.history), row)

    def _note(self, kept: Sequence[Choice]) -> None:
        """Add the share of each block among the nets that a step kept."""
        shares = [
            [fmean(choice[i] == block for choice in kept) for block in ops]
            for i, ops in enumerate(self.setup.space.layer_ops)
        ]
        self.probabilities.append(shares)
        row = self.history[-1]
        say(f"  best validation NME {row['val_nme']:.2%}, mean cost {row['expected_cost']:.4g}")

    def _ended(self) -> list[Choice]:
        last = self.params.predictor.rungs[-1]
        return [choice for choice, scores in self.scores.items() if last in scores]

    def _best(self, choices: Iterable[Choice], epoch: int) -> list[Choice]:
        def key(choice: Choice) -> tuple[float, Choice]:
            return self._objective(self.scores[choice][epoch].quality, choice), choice

        return sorted(choices, key=key)

    def _cost(self, choice: Choice) -> float:
        return cost_of(self.lut, choice)

    def _objective(self, quality: float, choice: Choice) -> float:
        cost, reference = torch.tensor(self._cost(choice)), reference_cost(self.lut)
        return float(total_loss(torch.tensor(quality), cost, reference, self.params))

    def at_the_end(self, choices: Sequence[Choice]) -> np.ndarray:
        """The quality [N] at the last rung, or the one expected of those that left before.

        What a net had when it left is scaled by how much those that went on gained from there.
        """
        last = self.params.predictor.rungs[-1]
        gains: dict[int, float] = {}
        for epoch in self.params.predictor.rungs:
            both = [s for s in self.scores.values() if epoch in s and last in s]
            gains[epoch] = fmean(s[last].quality / s[epoch].quality for s in both)
        values = []
        for choice in choices:
            epoch = max(self.scores[choice])
            values.append(self.scores[choice][epoch].quality * gains[epoch])
        return np.array(values)
