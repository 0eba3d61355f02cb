"""NNI's way of training, built from our own blocks: what speed is measured against.

Every candidate is a module of its own, maps lie in NCHW, a mixed op adds up weighted outputs, an
architecture step computes the weights' gradients too, optimiser and moving average go from tensor
to tensor. It is also the reference of exactness for `fbnet.nets.optimize` (tests/nets).
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from fbnet.costs.lut import Lut, expected_cost, reference_cost
from fbnet.nets.pfld import PFLD
from fbnet.params import SearchParams
from fbnet.search.cost import total_loss
from fbnet.training.batches import Batch
from fbnet.training.losses import LandmarkLoss

Masks = Sequence[Tensor]


class PlainMixedOp(nn.Module):
    """All candidates of one layer, each computed and weighted on its own."""

    def __init__(self, blocks: nn.Module) -> None:
        super().__init__()
        self.blocks = blocks

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Sum of mask[j] * block_j(x)."""
        pairs = zip(mask, self.blocks.children(), strict=True)
        return sum(weight * block(x) for weight, block in pairs)


def plain_supernet(supernet: PFLD) -> PFLD:
    """`supernet`, its mixed ops replaced; the same modules and weights otherwise."""
    supernet.layers = nn.ModuleList(
        PlainMixedOp(layer.get_submodule("blocks")) for layer in supernet.layers
    )
    return supernet


def adamw(parameters: Iterable[nn.Parameter], lr: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW, one tensor after the other."""
    return torch.optim.AdamW(parameters, lr, weight_decay=weight_decay, foreach=False, fused=False)


def weight_step(
    net: PFLD,
    optimizer: torch.optim.Optimizer,
    loss: LandmarkLoss,
    batch: Batch,
    masks: Masks | None = None,
) -> Tensor:
    """One step of the weights."""
    optimizer.zero_grad()
    landmarks, _ = net(batch.image, masks)
    value = loss(landmarks, batch.landmarks, None, batch.pose)
    value.backward()
    optimizer.step()
    return value.detach()


def architecture_step(
    net: PFLD,
    optimizer: torch.optim.Optimizer,
    loss: LandmarkLoss,
    batch: Batch,
    masks: Masks,
    table: Lut,
    params: SearchParams,
) -> Tensor:
    """One step of the architecture parameters behind `masks`."""
    optimizer.zero_grad()
    net.zero_grad()
    landmarks, _ = net(batch.image, masks)
    value = loss(landmarks, batch.landmarks, None, batch.pose)
    total = total_loss(value, expected_cost(table, masks), reference_cost(table), params)
    total.backward()
    optimizer.step()
    return total.detach()


def average_of(net: nn.Module, decay: float) -> AveragedModel:
    """A moving average of weights and statistics, one tensor after the other."""
    return AveragedModel(
        net, avg_fn=lambda mean, new, _: mean * decay + new * (1 - decay), use_buffers=True
    )
