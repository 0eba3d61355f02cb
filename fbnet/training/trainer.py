"""The trainer that search and retraining fill in: epochs, resuming, checkpoints, best weights."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Generic

import numpy as np
import torch
from torch import Tensor, nn

from fbnet.errors import TrainingDiverged
from fbnet.faces.faceset import FaceSet
from fbnet.params import AugmentParams
from fbnet.progress import Log, no_log, say, track
from fbnet.training.batches import Batch, batches
from fbnet.training.checkpoints import Checkpoint, snapshot
from fbnet.training.learner import Learner, Net
from fbnet.training.resident import ResidentFaces

Row = dict[str, float]
"""Figures of one epoch by name: `epoch` (from 1), `loss`, `val_nme` where validated, and more."""


class Trainer(ABC, Generic[Net]):
    """A training under way. Subclasses fill in an epoch's steps and what is validated.

    `history` has a row for each finished epoch; `best` holds `nme`, `epoch` and `weights` (of
    `kept`) of the epoch with the lowest validation NME so far.
    """

    name: ClassVar[str]
    """For messages; also the params section that holds `lr`."""

    def __init__(
        self,
        faces: FaceSet,
        learner: Learner[Net],
        kept: nn.Module,
        *,
        seed: int,
        epochs: int,
        augment: AugmentParams | None = None,
        validate_every: int = 1,
    ) -> None:
        """Begin before the first epoch; `epochs` counts all, and the last is always validated."""
        self.faces, self.learner, self.kept = faces, learner, kept
        self.seed, self.epochs = seed, epochs
        self.augment, self.validate_every = augment, validate_every
        device = learner.fabric.device
        self.resident = (
            None
            if device.type == "cpu"
            else ResidentFaces(faces, augment, device, graph=learner.graph)
        )
        self.epoch = 0
        self.history: list[Row] = []
        self.best: dict[str, Any] = {"nme": math.inf}

    def run(
        self, checkpoint: Checkpoint | None = None, log: Log = no_log, until: int | None = None
    ) -> None:
        """Train to the last epoch, or to that of `until`, from the checkpoint where it holds one.

        `log` gets every epoch's figures, those from before a resume too. Raises TrainingDiverged.
        """
        end = self.epochs if until is None else until
        if checkpoint and (state := checkpoint.load()):
            self.restore(state)
            say(f"{self.name}: resuming from epoch {self.epoch}")
            for row in self.history:
                log(int(row["epoch"]), self.logged(row))
        for _ in track(range(self.epoch, end), self.name, unit="epoch"):
            row = self.run_epoch()
            log(self.epoch, self.logged(row))
            say(self.line(row))
            if checkpoint:
                checkpoint.save(self.state())
        if self.history and "weights" not in self.best and "val_nme" in self.history[-1]:
            raise TrainingDiverged(
                f"the validation NME was never finite: lower the learning rate ({self.name}.lr)"
            )

    def run_epoch(self) -> Row:
        """Train one epoch, validate where it is due, keep the best weights; the epoch's row."""
        loss, figures = self.train_epoch()
        self.epoch += 1
        row = {"epoch": float(self.epoch), "loss": loss}
        if self.epoch % self.validate_every == 0 or self.epoch == self.epochs:
            row["val_nme"] = nme = self.validate()
            if nme < self.best["nme"]:
                self.best = {"nme": nme, "epoch": self.epoch, "weights": snapshot(self.kept)}
        self.history.append(row | figures)
        return self.history[-1]

    @abstractmethod
    def train_epoch(self) -> tuple[float, Row]:
        """The steps of one epoch: mean loss, and what else goes into the epoch's row.

        Must leave the batch-norm statistics of what is validated the same in all processes.
        """

    @abstractmethod
    def validate(self) -> float:
        """NME on the validation faces now, a fraction."""

    def logged(self, row: Row) -> Row:
        """What is logged of a row of `history`."""
        return row

    def line(self, row: Row) -> str:
        """A row in one line, for people."""
        line = f"  epoch {row['epoch']:.0f}: loss {row['loss']:.4f}"
        if "val_nme" in row:
            line += f", validation NME {row['val_nme']:.2%} (best {self.best['nme']:.2%})"
        return line

    def epoch_batches(self, indices: np.ndarray, size: int, seed: int) -> Iterator[Batch]:
        """Augmented batches of the epoch, of the faces at `indices`: this process's parts."""
        part = self.learner.shards.part
        if self.resident:
            return self.resident.batches(indices, size, seed=seed, epoch=self.epoch, part=part)
        return batches(
            self.faces,
            indices,
            size,
            seed=seed,
            epoch=self.epoch,
            augment=self.augment,
            shuffle=True,
            part=part,
        )

    def mean(self, losses: Iterable[Tensor]) -> float:
        """Mean of detached losses. Raises TrainingDiverged where it is not finite."""
        mean = torch.stack(list(losses)).mean().item()
        if not math.isfinite(mean):
            raise TrainingDiverged(
                f"the loss is no longer finite in epoch {self.epoch + 1}: "
                f"lower the learning rate ({self.name}.lr)"
            )
        return mean

    def state(self) -> dict[str, Any]:
        """Everything needed to resume as if never stopped."""
        return {
            "learner": self.learner.state(),
            "epoch": self.epoch,
            "history": self.history,
            "best": self.best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from `state`."""
        self.learner.restore(state["learner"])
        self.epoch, self.history, self.best = state["epoch"], state["history"], state["best"]
