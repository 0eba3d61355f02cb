"""The stochastic supernet: mixed ops, architecture parameters, Gumbel-softmax draws."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fbnet.nets.blocks import initialise
from fbnet.nets.optimize import weighted_sum
from fbnet.nets.pfld import PFLD, check_choice, slots
from fbnet.params import SpaceParams


class MixedOp(nn.Module):
    """All candidates of one layer; the output is their sum weighted by a mask."""

    def __init__(self, blocks: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict(blocks)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Sum of mask[j] * block_j(x); `mask` is 1-D, one weight per block.

        A block of weight 0 is left out, for no gradient of a softmax passes its zeros; but for a
        one-hot mask that needs a gradient (straight-through) every block is computed. A one-hot
        mask without gradient runs the chosen block alone.
        """
        if mask.shape != (len(self.blocks),):
            raise ValueError(f"mask of shape {tuple(mask.shape)} for {len(self.blocks)} blocks")
        blocks, known = list(self.blocks.values()), mask.tolist()
        kept = [j for j, weight in enumerate(known) if weight != 0.0]
        if len(kept) == 1 and known[kept[0]] == 1.0:
            if not (mask.requires_grad and torch.is_grad_enabled()):
                return blocks[kept[0]](x)
            kept = list(range(len(blocks)))
        return self._weighted(x, [blocks[j] for j in kept], [mask[j] for j in kept])

    def _weighted(
        self, x: Tensor, blocks: Sequence[nn.Module], weights: Sequence[Tensor]
    ) -> Tensor:
        if self.training and not torch.is_autocast_enabled(x.device.type):
            return weighted_sum(x, blocks, weights)
        pairs = zip(weights, blocks, strict=True)
        return functools.reduce(torch.add, (weight * block(x) for weight, block in pairs))


def build_supernet(space: SpaceParams, points: int, size: int = 112, seed: int = 0) -> PFLD:
    """The net with every candidate in every layer, with fresh weights drawn from `seed`."""
    layers = [
        MixedOp({name: slot.build(name) for name in slot.blocks}) for slot in slots(space, size)
    ]
    net = PFLD(space, points, layers, size)
    initialise(net, seed)
    return net


def inherit(supernet: PFLD, subnet: PFLD, choice: Sequence[str]) -> tuple[int, int]:
    """Copy the supernet's weights and batch-norm statistics into the subnet of `choice`.

    Returns (tensors copied, tensors of the subnet). Tensors of another shape, as the last layer
    for another number of points, keep their fresh values; the caller compares the counts.
    """
    source = supernet.state_dict()
    target = subnet.state_dict()
    copied = 0
    for key, value in target.items():
        found = source.get(_supernet_key(key, choice))
        if found is not None and found.shape == value.shape:
            value.copy_(found)
            copied += 1
    return copied, len(target)


def _supernet_key(key: str, choice: Sequence[str]) -> str:
    part, *rest = key.split(".")
    if part != "layers":
        return key
    layer = int(rest[0])
    return ".".join(["layers", rest[0], "blocks", choice[layer], *rest[1:]])


class ArchitectureParameters(nn.Module):
    """One vector of logits per searchable layer, kept apart from the network.

    They are no part of the net, so no optimiser of its weights can reach them. Each starts at 1/n,
    as in NNI: a uniform distribution.
    """

    def __init__(self, space: SpaceParams) -> None:
        super().__init__()
        self.space = space
        self.alphas = nn.ParameterList(
            nn.Parameter(torch.full((len(ops),), 1.0 / len(ops))) for ops in space.layer_ops
        )

    def best(self) -> tuple[str, ...]:
        """The most probable block of each layer."""
        names = self.space.layer_ops
        return tuple(
            ops[int(alpha.argmax())] for ops, alpha in zip(names, self.alphas, strict=True)
        )


def draw_masks(
    alphas: Sequence[Tensor] | nn.ParameterList,
    temperature: float,
    generator: torch.Generator,
    hard: bool = False,
    paths: int | None = None,
) -> list[Tensor]:
    """One Gumbel-softmax draw per layer (FBNet, arXiv 1812.03443, eq. 5).

    Give the same list to the net and to the cost. `generator` is a CPU generator, so a draw is the
    same on every device; key it by (seed, step). `temperature` > 0. `hard`: one-hot values with the
    soft draw's gradient (straight-through). `paths`: only so many blocks, those with the largest
    noisy logits, have a weight and a gradient, and the softmax is that over them alone: a sample of
    the distribution without replacement. Two are ProxylessNAS's choice (arXiv 1812.00332, 3.2.1),
    here with FBNet's noise; as there the gradient is biased, for it compares the sampled blocks
    only. Each mask lies on its logits' device and sums to 1.
    """
    if temperature <= 0:
        raise ValueError(f"temperature {temperature}: must be positive")
    return [_draw(alpha, temperature, generator, hard, paths) for alpha in alphas]


def _draw(
    alpha: Tensor, temperature: float, generator: torch.Generator, hard: bool, paths: int | None
) -> Tensor:
    noise = torch.empty(alpha.shape, dtype=alpha.dtype).exponential_(generator=generator).log_()
    noisy = (alpha - noise.to(alpha.device)) / temperature
    if paths and paths < len(noisy):
        left_out = noisy.detach().sort(descending=True).indices[paths:]
        noisy = noisy.index_fill(0, left_out, -torch.inf)
    soft = torch.softmax(noisy, dim=0)
    if not hard:
        return soft
    sharp = torch.zeros_like(soft)
    sharp[soft.detach().argmax()] = 1.0
    return sharp + (soft - soft.detach())


def one_hot_masks(space: SpaceParams, choice: Sequence[str]) -> list[Tensor]:
    """Masks that pick block `choice[i]` in layer i. Raises BadInput if it does not fit."""
    check_choice(space, choice)
    eye = [torch.eye(len(ops)) for ops in space.layer_ops]
    picks = zip(eye, space.layer_ops, choice, strict=True)
    return [rows[ops.index(block)] for rows, ops, block in picks]


def probabilities(alphas: Sequence[Tensor] | nn.ParameterList) -> list[Tensor]:
    """The distribution over blocks of each layer: softmax of its logits, without gradient."""
    return [torch.softmax(alpha.detach(), dim=0) for alpha in alphas]


def log_probabilities(alphas: Sequence[Tensor] | nn.ParameterList) -> list[np.ndarray]:
    """Logarithms of `probabilities`, finite however decided the distribution is."""
    return [torch.log_softmax(alpha.detach().double(), dim=0).cpu().numpy() for alpha in alphas]


def entropy(alphas: Sequence[Tensor] | nn.ParameterList) -> list[float]:
    """Entropy of each layer's distribution as a share of the uniform one's: 1 open, 0 decided."""
    return [_entropy(p) for p in probabilities(alphas)]


def _entropy(p: Tensor) -> float:
    if len(p) == 1:
        return 0.0
    return float(torch.special.entr(p).sum() / torch.log(torch.tensor(float(len(p)))))
