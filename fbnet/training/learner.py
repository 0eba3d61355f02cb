"""The one training step, shared by the search's weights and by the retraining.

A global batch is cut into shards, over several processes or over several passes of one. Each shard
is normalised on its own, as processes have to; so the result is the same, to rounding, however many
processes share the shards. The nets are small: one all-reduce of all flattened gradients is simpler
than a wrapper, and does not depend on which blocks a step used.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, Generic, TypeVar, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from fbnet.errors import BadInput, ProcessLost
from fbnet.faces.faceset import FaceSet
from fbnet.metrics import mean_face
from fbnet.nets.optimize import optimize_for_cpu
from fbnet.params import Start
from fbnet.progress import say
from fbnet.tables import OPTIMIZERS
from fbnet.training.batches import Batch, Part, shard_sizes
from fbnet.training.graph import Graphed
from fbnet.training.losses import LandmarkLoss, Teacher
from fbnet.training.optim import (
    MovingAverage,
    capturable,
    cosine,
    set_rate,
    states_of,
    tensors_of,
)

Masks = Sequence[Tensor]
Net = TypeVar("Net", bound=nn.Module)
"""A landmark network: called as `fbnet.nets.pfld.PFLD` is, giving landmarks and a feature."""


@torch.no_grad()
def set_start(net: nn.Module, faces: FaceSet, start: Start) -> None:
    """Set what a fresh net answers before it learns.

    `mean_face`: the mean landmarks of the training faces, whatever the picture; the last layer,
    `net.fc` [2*points outputs], gets zero weights and these as its bias. `nni`: nothing is set,
    answers are near zero; a net then spends its first epochs on finding the mean face, and short
    trainings differ more by their seeds than by their blocks. Raises BadInput for a point that no
    training face shows.
    """
    if start == "mean_face":
        mean = mean_face(faces.landmarks[faces.indices("train")])
        if (never := np.isnan(mean).any(axis=1)).any():
            raise BadInput(
                f"point {never.argmax()} is seen in no training face; add faces that show it"
            )
        assert isinstance(net.fc, nn.Conv2d)
        assert net.fc.bias is not None
        net.fc.weight.zero_()
        net.fc.bias.copy_(torch.from_numpy(mean).flatten())


class Learner(Generic[Net]):
    """A landmark network, its pose net where the loss uses one, and their optimiser."""

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
        ema: float | None = None,
        shards: int | None = None,
        graph: bool = True,
    ) -> None:
        """`optimizer` is one of OPTIMIZERS; `lr` is the peak of the cosine.

        `steps` and `warmup` count optimiser steps. `teacher`: see `Teacher`. `ema`: decay of a
        moving average of the landmark network, `average`; None keeps none. `shards`: see `Shards`.
        `graph`: whether to take steps as CUDA graphs, where the device and the optimiser can.
        Raises BadInput for an unknown optimiser.
        """
        self.fabric = fabric
        self.modules = nn.ModuleDict({"net": net})
        if loss.uses_pose and pose_net is not None:
            self.modules["pose"] = pose_net
        fabric.to_device(self.modules).to(memory_format=torch.channels_last)
        if fabric.device.type == "cpu":
            optimize_for_cpu(self.modules)
        norms = [m for m in self.modules.modules() if isinstance(m, nn.BatchNorm2d)]
        self.shards = Shards(fabric, shards, norms)
        self.loss = loss
        self.teacher = teacher
        self.parameters = list(self.modules.parameters())
        self.optimizer = OPTIMIZERS[optimizer](self.parameters, lr=lr, weight_decay=weight_decay)
        self.average = None if ema is None else MovingAverage(net, ema)
        self.lr, self.steps, self.warmup = lr, steps, warmup
        self.step_count = 0
        self.graph = graph
        if fabric.device.type == "cuda" and not capturable(self.optimizer, fabric.device):
            self.graph = False
            say(f"{optimizer}: has no form for a CUDA graph; kernels are launched one by one")
        self._graphed = self.graphed("weight step", self._update, self.tensors)

    @property
    def net(self) -> Net:
        """The landmark network."""
        return cast(Net, self.modules["net"])

    def step(self, batch: Batch, masks: Masks | None = None) -> Tensor:
        """One optimiser step, and one of the average; the loss of the global batch, detached.

        `batch` is this process's part of it. `masks` go to the mixed ops of a supernet. Those on
        the CPU are read there, to leave out blocks: on another device such a step is no graph.
        """
        set_rate(self.optimizer, self.lr * cosine(self.step_count, self.steps, self.warmup))
        if self.average:
            self.average.prepare()
        self.step_count += 1
        sparse = any(mask.device != self.fabric.device for mask in masks or ())
        update = self._update if sparse else self._graphed
        return cast(Tensor, update(*batch.parts, *(masks or ())))

    def _update(self, *inputs: Any) -> Tensor:
        """The part of `step` that a graph can hold; takes a batch's parts and the masks."""
        batch, masks = Batch(*inputs[: len(fields(Batch))]), inputs[len(fields(Batch)) :]
        loss = self.shards.gradients(
            batch, lambda shard: self.objective(shard, masks or None), self.parameters
        )
        self.optimizer.step()
        if self.average:
            self.average.update()
        return loss

    def graphed(
        self, name: str, body: Callable[..., Any], written: Callable[[], Iterable[Tensor]]
    ) -> Graphed:
        """`body` as a CUDA graph where this learner takes its steps as graphs."""
        return Graphed(name, body, self.fabric.device, written=written, enabled=self.graph)

    def tensors(self) -> list[Tensor]:
        """All that a step changes."""
        average = tensors_of(self.average.module) if self.average else []
        return [*tensors_of(self.modules), *states_of(self.optimizer), *average]

    def objective(self, batch: Batch, masks: Masks | None = None) -> Tensor:
        """Loss of a batch or shard, scalar with its graph."""
        image, target, pose = self.fabric.to_device((batch.image, batch.landmarks, batch.pose))
        with self.fabric.autocast():
            landmarks, feature = self.net(image, masks)
            angle = self.modules["pose"](feature).float() if self.loss.uses_pose else None
        loss = self.loss(landmarks.float(), target, angle, pose)
        if self.teacher is None:
            return loss
        distilled = self.loss(landmarks.float(), self.teacher(image), angle, pose)
        return torch.lerp(loss, distilled, self.teacher.weight)

    def state(self) -> dict[str, Any]:
        """Everything needed to resume."""
        return {
            "modules": self.modules.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step_count": self.step_count,
            "average": self.average and self.average.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from `state`."""
        self.modules.load_state_dict(state["modules"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step_count = state["step_count"]
        if self.average:
            self.average.restore(state["average"])
        if self.fabric.device.type == "cuda":
            capturable(self.optimizer, self.fabric.device)
        self._graphed.forget()


class Shards:
    """How a global batch is shared by processes and passes.

    number: shards in all; None: one a process. norms: the batch norms of the net, whose statistics
    each shard moves. Raises BadInput where the processes cannot share the shards evenly.
    """

    def __init__(
        self, fabric: Fabric, number: int | None = None, norms: Sequence[nn.BatchNorm2d] = ()
    ) -> None:
        self.fabric, self.norms = fabric, norms
        self.number = number or fabric.world_size
        if self.number % fabric.world_size:
            raise BadInput(
                f"train.shards: {self.number} shards cannot be shared by {fabric.world_size} "
                f"processes; take a multiple"
            )
        self.own = self.number // fabric.world_size

    def check_enough(self, faces: int, purpose: str) -> None:
        """Raise BadInput for fewer than two faces a shard of a batch: batch norm needs two."""
        if faces < 2 * self.number:
            raise BadInput(
                f"{faces} face(s) for {purpose}, and {self.number} processes or shards share a "
                "batch, two faces each: add photographs, or lower train.devices and train.shards"
            )

    @property
    def part(self) -> Part:
        """What this process takes of a global batch."""
        first = self.own * self.fabric.global_rank
        return Part(first, first + self.own, self.number)

    def gradients(
        self,
        batch: Batch,
        objective: Callable[[Batch], Tensor],
        parameters: Sequence[nn.Parameter],
    ) -> Tensor:
        """Put the gradient of the global batch's mean `objective` into `parameters`.

        `batch` is this process's part. Parameters that the objective does not reach have no
        gradient afterwards. Running statistics move as by the mean over the shards.
        Returns the objective's value over the global batch, detached.
        """
        for parameter in parameters:
            parameter.grad = None
        value = torch.zeros((), device=self.fabric.device)
        start = 0
        sizes = shard_sizes(batch.global_batch, self.number)[self.part.first : self.part.end]
        for number, size in enumerate(sizes):
            shard, start = batch.cut(start, start + size), start + size
            with self._momentum(number):
                loss = size / batch.global_batch * objective(shard)
            # What comes before the shards, such as drawn masks, is needed by the next one too.
            again = number + 1 < self.own
            gradients = torch.autograd.grad(loss, parameters, retain_graph=again, allow_unused=True)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if gradient is not None:
                    sum_so_far = parameter.grad
                    parameter.grad = gradient if sum_so_far is None else sum_so_far + gradient
            value += loss.detach()
        self._all_reduce([value, *(p.grad for p in parameters if p.grad is not None)])
        return value

    @torch.no_grad()
    def average_statistics(self, *modules: nn.Module) -> None:
        """Make the batch-norm statistics of all processes their mean: before they are used."""
        buffers = [b for m in modules for b in m.buffers() if b.is_floating_point()]
        self._all_reduce(buffers)
        if self.fabric.world_size > 1:
            torch._foreach_div_(buffers, float(self.fabric.world_size))

    def _all_reduce(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over the processes."""
        if self.fabric.world_size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        # Fabric's own waits for all processes first, which costs time and breaks a CUDA graph.
        try:
            torch.distributed.all_reduce(flat)
        except RuntimeError as error:  # gloo has no type of its own for a connection that ended
            if "onnection" not in str(error):
                raise
            message = "another process of this training has ended; its own message says why"
            raise ProcessLost(message) from error
        parts = flat.split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))

    @contextmanager
    def _momentum(self, number: int) -> Iterator[None]:
        """Momenta with which this process's updates, of which this is `number`, move by their mean.

        The updates still to come forget some of this one's share, so it starts with more.
        """
        if self.own == 1:
            yield
            return
        before = [norm.momentum or 0.0 for norm in self.norms]
        for norm, momentum in zip(self.norms, before, strict=True):
            share = momentum / self.own
            norm.momentum = share / (1 - share * (self.own - 1 - number))
        try:
            yield
        finally:
            for norm, momentum in zip(self.norms, before, strict=True):
                norm.momentum = momentum
