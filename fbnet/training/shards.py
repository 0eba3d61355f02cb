"""One training step over several processes, or over several passes of one.

A batch is cut into shards. Each is normalised on its own, as processes have to; so the result is
the same, to rounding, however many processes share the shards. The nets are small: one all-reduce
of all gradients in a row is simpler than a wrapper, and does not care which blocks a step used.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from fbnet.errors import BadInput
from fbnet.training.batches import Batch, Part, shard_sizes


class Shards:
    """How a batch is shared out. `number` of shards in all; None: one a process."""

    def __init__(self, fabric: Fabric, number: int | None = None) -> None:
        self.fabric = fabric
        self.number = number or fabric.world_size
        if self.number % fabric.world_size:
            raise BadInput(
                f"train.shards: {self.number} shards cannot be shared by {fabric.world_size} "
                f"processes; take a multiple"
            )
        self.own = self.number // fabric.world_size

    @property
    def part(self) -> Part:
        """What this process takes of a batch."""
        first = self.own * self.fabric.global_rank
        return Part(first, first + self.own, self.number)

    def gradients(
        self,
        batch: Batch,
        objective: Callable[[Batch], Tensor],
        parameters: Sequence[nn.Parameter],
        norms: Sequence[nn.BatchNorm2d] = (),
    ) -> Tensor:
        """Put the gradient of the whole batch's mean `objective` into `parameters`.

        `batch` is this process's part. Parameters that the objective does not reach have no
        gradient afterwards. Running statistics of `norms` move as by the mean over the shards.
        Returns the objective's value over the whole batch, detached.
        """
        for parameter in parameters:
            parameter.grad = None
        value = torch.zeros((), device=self.fabric.device)
        for number, (part, share) in enumerate(self._parts(batch)):
            with _momentum(norms, number, self.own):
                loss = share * objective(part)
            # What comes before the shards, such as drawn masks, is needed by the next one too.
            again = number + 1 < self.own
            found = torch.autograd.grad(loss, parameters, retain_graph=again, allow_unused=True)
            for parameter, gradient in zip(parameters, found, strict=True):
                if gradient is not None:
                    _add(parameter, gradient)
            value += loss.detach()
        self._sum([value, *(p.grad for p in parameters if p.grad is not None)])
        return value

    def _parts(self, batch: Batch) -> Iterator[tuple[Batch, float]]:
        """The shards of this process's part, each with its share of the whole batch."""
        start = 0
        for size in shard_sizes(batch.whole, self.number)[self.part.first : self.part.end]:
            yield batch.cut(start, start + size), size / batch.whole
            start += size

    @torch.no_grad()
    def average_statistics(self, *modules: nn.Module) -> None:
        """Make the batch-norm statistics of all processes their mean: before they are used."""
        buffers = [b for m in modules for b in m.buffers() if b.is_floating_point()]
        self._sum(buffers)
        if self.fabric.world_size > 1:
            torch._foreach_div_(buffers, float(self.fabric.world_size))

    def _sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over the processes."""
        if self.fabric.world_size == 1:
            return
        row = torch.cat([tensor.flatten() for tensor in tensors])
        total = cast(Tensor, self.fabric.all_reduce(row, reduce_op="sum"))
        parts = total.split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))


def _add(parameter: nn.Parameter, gradient: Tensor) -> None:
    parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


@contextmanager
def _momentum(norms: Sequence[nn.BatchNorm2d], number: int, shards: int) -> Iterator[None]:
    """Momenta with which `shards` updates in turn, of which this is `number`, move by their mean.

    The updates still to come forget some of this one's share, so it starts with more.
    """
    if shards == 1:
        yield
        return
    before = [norm.momentum or 0.0 for norm in norms]
    for norm, momentum in zip(norms, before, strict=True):
        share = momentum / shards
        norm.momentum = share / (1 - share * (shards - 1 - number))
    try:
        yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum
