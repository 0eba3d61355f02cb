"""The one training step, shared by the search's weights and by the retraining."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from fbnet.nets.optimize import optimize_for_cpu
from fbnet.training.batches import Batch
from fbnet.training.distil import Teacher
from fbnet.training.losses import LandmarkLoss
from fbnet.training.optim import build_optimizer, cosine, set_rate
from fbnet.training.shards import Shards

Masks = Sequence[Tensor]
Net = TypeVar("Net", bound=nn.Module)
"""A landmark network: called as `fbnet.nets.pfld.PFLD` is, giving landmarks and a feature."""


class Learner(Generic[Net]):
    """A landmark network, its pose net where the loss wants one, and their optimiser."""

    def __init__(
        self,
        net: Net,
        pose_net: nn.Module | None,
        loss: LandmarkLoss,
        fabric: Fabric,
        *,
        optimizer: str,
        lr: float,
        weight_decay: float,
        steps: int,
        warmup: int = 0,
        teacher: Teacher | None = None,
        shards: int | None = None,
    ) -> None:
        """`steps` and `warmup` count optimiser steps; `lr` is the peak of the cosine.

        `teacher` adds what it knows to the loss. `shards`: see `Shards`.
        """
        self.fabric = fabric
        self.modules = nn.ModuleDict({"net": net})
        if loss.uses_pose and pose_net is not None:
            self.modules["pose"] = pose_net
        fabric.to_device(self.modules).to(memory_format=torch.channels_last)
        if fabric.device.type == "cpu":
            optimize_for_cpu(self.modules)
        self._norms = [m for m in self.modules.modules() if isinstance(m, nn.BatchNorm2d)]
        self.shards = Shards(fabric, shards)
        self.loss = loss
        self.teacher = teacher
        self.optimizer = build_optimizer(optimizer, self.modules.parameters(), lr, weight_decay)
        self.lr, self.steps, self.warmup = lr, steps, warmup
        self.step_count = 0

    @property
    def net(self) -> Net:
        """The landmark network."""
        return cast(Net, self.modules["net"])

    def objective(self, batch: Batch, masks: Masks | None = None) -> Tensor:
        """Loss of a batch, scalar with its graph. `masks` go to the mixed ops of a supernet."""
        image, target, pose = self.fabric.to_device((batch.image, batch.landmarks, batch.pose))
        with self.fabric.autocast():
            landmarks, feature = self.net(image, masks)
            angle = self.modules["pose"](feature).float() if self.loss.uses_pose else None
        loss = self.loss(landmarks.float(), target, angle, pose)
        if self.teacher is None:
            return loss
        taught = self.loss(landmarks.float(), self.teacher(image), angle, pose)
        return torch.lerp(loss, taught, self.teacher.weight)

    def step(self, batch: Batch, masks: Masks | None = None) -> Tensor:
        """One optimiser step; returns the loss, detached."""
        set_rate(self.optimizer, self.lr * cosine(self.step_count, self.steps, self.warmup))
        loss = self.gradients(
            batch, lambda part: self.objective(part, masks), list(self.modules.parameters())
        )
        self.optimizer.step()
        self.step_count += 1
        return loss

    def gradients(
        self,
        batch: Batch,
        objective: Callable[[Batch], Tensor],
        parameters: Sequence[nn.Parameter],
    ) -> Tensor:
        """Gradients of a mean over the batch into `parameters`; returns the mean, detached."""
        return self.shards.gradients(batch, objective, parameters, self._norms)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on."""
        return {
            "modules": self.modules.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step_count": self.step_count,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.modules.load_state_dict(state["modules"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step_count = state["step_count"]


def mean_loss(losses: Iterable[Tensor]) -> float:
    """Mean of detached losses; raises FloatingPointError when training has diverged."""
    mean = torch.stack(list(losses)).mean().item()
    if mean != mean or mean == float("inf"):
        raise FloatingPointError("the loss is no longer finite: lower the learning rate")
    return mean
