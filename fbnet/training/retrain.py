"""Training a subnet to its best: augmentation, moving average, best epoch by validation."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from fbnet.faces.faceset import FaceSet
from fbnet.params import AugmentParams, RetrainParams
from fbnet.progress import Log, no_log, say, track
from fbnet.training.batches import Batch, batches
from fbnet.training.checkpoints import Checkpoint
from fbnet.training.device import one_process
from fbnet.training.distil import Teacher
from fbnet.training.ema import average_of
from fbnet.training.learner import Learner, mean_loss
from fbnet.training.losses import landmark_loss
from fbnet.training.validate import validation_nme
from fbnet.training.weights import snapshot


@dataclass
class Retraining:
    """The training of one net under way: a subnet, or a baseline."""

    faces: FaceSet
    net: nn.Module
    pose_net: nn.Module | None
    params: RetrainParams
    augment: AugmentParams | None = None
    fabric: Fabric = field(default_factory=one_process)
    teacher: Teacher | None = None
    shards: int | None = None
    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Any] = field(default_factory=lambda: {"nme": math.inf})

    def __post_init__(self) -> None:
        """Build the learner and the moving average."""
        self.train = self.faces.indices("train")
        self.params = p = self.params.lengthened(len(self.train))
        steps = math.ceil(len(self.train) / p.batch)
        self.learner = Learner(
            self.net,
            self.pose_net,
            landmark_loss(p.loss),
            self.fabric,
            optimizer=p.optimizer,
            lr=p.lr,
            weight_decay=p.weight_decay,
            steps=p.epochs * steps,
            warmup=round(p.warmup_epochs * steps),
            teacher=self.teacher,
            shards=self.shards,
        )
        self.average = average_of(self.learner.net, p.ema)

    def run(self, checkpoint: Checkpoint | None = None, log: Log = no_log) -> None:
        """Train to the last epoch, from the checkpoint where it holds one."""
        if checkpoint and (state := checkpoint.load()):
            self.restore(state)
            say(f"retrain: goes on after epoch {self.epoch}")
            for row in self.history:
                log(int(row["epoch"]), row)
        for _ in track(range(self.epoch, self.params.epochs), "retrain", unit="epoch"):
            row = self.run_epoch()
            log(self.epoch, row)
            if checkpoint:
                checkpoint.save(self.state())

    def run_epoch(self) -> dict[str, float]:
        """One epoch over all training faces; validate the moving average where it is due."""
        torch.manual_seed(self.params.seed * 1_000_003 + self.epoch)
        loss = mean_loss(
            self.step(batch)
            for batch in batches(
                self.faces,
                self.train,
                self.params.batch,
                seed=self.params.seed,
                epoch=self.epoch,
                augment=self.augment,
                shuffle=True,
                part=self.learner.shards.part,
            )
        )
        self.epoch += 1
        self.learner.shards.average_statistics(self.learner.modules, self.average.module)
        row = {"epoch": float(self.epoch), "loss": loss}
        if self.epoch % self.params.validate_every == 0 or self.epoch == self.params.epochs:
            row["val_nme"] = self._validate()
        self.history.append(row)
        return row

    def step(self, batch: Batch) -> Tensor:
        """One step of the weights and of their moving average."""
        loss = self.learner.step(batch)
        self.average.update_parameters(self.learner.net)
        return loss

    def _validate(self) -> float:
        net = self.average.module
        nme = validation_nme(net, self.faces, self.faces.indices("validation"), self.fabric)
        if nme < self.best["nme"]:
            self.best = {"nme": nme, "epoch": self.epoch, "weights": snapshot(net)}
        say(f"  epoch {self.epoch}: validation NME {nme:.2%} (best {self.best['nme']:.2%})")
        return nme

    def state(self) -> dict[str, Any]:
        """Everything needed to go on as if never stopped."""
        return {
            "learner": self.learner.state(),
            "average": self.average.state_dict(),
            "epoch": self.epoch,
            "history": self.history,
            "best": self.best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.learner.restore(state["learner"])
        self.average.load_state_dict(state["average"])
        for name in ("epoch", "history", "best"):
            setattr(self, name, state[name])
