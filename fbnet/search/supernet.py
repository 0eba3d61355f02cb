"""The stochastic supernet: mixed ops, architecture parameters, Gumbel-softmax draws."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fbnet.nets.blocks import initialise
from fbnet.nets.optimize import weighted_sum
from fbnet.nets.pfld import PFLD, slots
from fbnet.params import SpaceParams


class MixedOp(nn.Module):
    """All candidates of one layer; the output is their sum weighted by a mask."""

    def __init__(self, blocks: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict(blocks)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Sum of mask[j] * block_j(x); `mask` is 1-D, one weight per block.

        The values of a mask on the CPU are read, whatever the device of `x`: a block of weight 0
        is left out, for no gradient of a softmax passes its zeros; but for a one-hot mask that
        needs a gradient (straight-through) every block is computed. A one-hot mask without
        gradient runs the chosen block alone.
        A mask on an accelerator is not waited for: every block is computed.
        """
        if mask.shape != (len(self.blocks),):
            raise ValueError(f"mask of shape {tuple(mask.shape)} for {len(self.blocks)} blocks")
        blocks, active = list(self.blocks.values()), list(range(len(self.blocks)))
        if mask.device.type == "cpu":
            values = mask.tolist()
            used = [j for j in active if values[j] != 0.0]
            one_hot = len(used) == 1 and values[used[0]] == 1.0
            if one_hot and not (mask.requires_grad and torch.is_grad_enabled()):
                return blocks[used[0]](x)
            active = active if one_hot else used
        mask = mask.to(x.device, non_blocking=True)
        active_blocks, weights = [blocks[j] for j in active], [mask[j] for j in active]
        if self.training and not torch.is_autocast_enabled(x.device.type):
            return weighted_sum(x, active_blocks, weights)
        pairs = zip(weights, active_blocks, strict=True)
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
    source, target = supernet.state_dict(), subnet.state_dict()
    copied = 0
    for key, value in target.items():
        trained = source.get(supernet_key(key, choice))
        if trained is not None and trained.shape == value.shape:
            value.copy_(trained)
            copied += 1
    return copied, len(target)


def supernet_key(key: str, choice: Sequence[str]) -> str:
    """Name in the supernet's state of a tensor of the subnet of `choice`."""
    part, _, rest = key.partition(".")
    if part != "layers":
        return key
    layer, _, name = rest.partition(".")
    return f"layers.{layer}.blocks.{choice[int(layer)]}.{name}"


def supernet_weights(
    space: SpaceParams,
    points: int,
    size: int,
    choice: Sequence[str],
    trained: Mapping[str, Tensor],
    seed: int = 0,
) -> dict[str, Tensor]:
    """A supernet's weights under `net.`, as a search leaves them, with a trained subnet in them.

    trained: weights of the subnet of `choice`, by name. The blocks that it lacks have fresh
    weights, drawn from `seed`.
    """
    state = build_supernet(space, points, size, seed).state_dict()
    state |= {supernet_key(key, choice): value for key, value in trained.items()}
    return {f"net.{key}": value for key, value in state.items()}


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
    """One Gumbel-softmax draw per layer (FBNet, arXiv 1812.03443, eq. 5): masks that sum to 1.

    Give the same masks to the net and to the cost. `generator` is a CPU generator, so a draw is the
    same on every device; key it by (seed, step). Each mask lies on its logits' device. `hard` and
    `paths`: see `mix`. Raises ValueError for a `temperature` that is not positive.
    """
    if temperature <= 0:
        raise ValueError(f"temperature {temperature}: must be positive")
    noise = [each.to(alphas[0].device) for each in draw_noise(alphas, generator)]
    return mix(alphas, noise, temperature, hard, paths)


def draw_noise(
    alphas: Sequence[Tensor] | nn.ParameterList, generator: torch.Generator
) -> list[Tensor]:
    """Logarithms of exponential noise for each layer's logits, drawn on the CPU: minus Gumbel's."""
    return [
        torch.empty(alpha.shape, dtype=alpha.dtype).exponential_(generator=generator).log_()
        for alpha in alphas
    ]


def mix(
    alphas: Sequence[Tensor] | nn.ParameterList,
    noise: Sequence[Tensor],
    temperature: float | Tensor,
    hard: bool = False,
    paths: int | None = None,
) -> list[Tensor]:
    """The masks of a draw, of noise on the logits' device; nothing is read on the host.

    `hard`: one-hot values with the soft draw's gradient (straight-through).
    `paths`: only so many blocks, those with the largest noisy logits, have a weight and a gradient,
    and the softmax is that over them alone: a sample of the distribution without replacement. Two
    are ProxylessNAS's choice (arXiv 1812.00332, 3.2.1), here with FBNet's noise; as there the
    gradient is biased, for it compares the sampled blocks only.
    """
    masks = []
    for alpha, minus_gumbel in zip(alphas, noise, strict=True):
        noisy = (alpha - minus_gumbel) / temperature
        if paths and paths < len(noisy):
            left_out = noisy.detach().sort(descending=True).indices[paths:]
            noisy = noisy.index_fill(0, left_out, -torch.inf)
        mask = torch.softmax(noisy, dim=0)
        if hard:
            winner = mask.detach().argmax(dim=0, keepdim=True)
            one_hot = torch.zeros_like(mask).scatter_(0, winner, 1.0)
            mask = one_hot + (mask - mask.detach())
        masks.append(mask)
    return masks


def fair_masks(sizes: Sequence[int], seed: int, step: int) -> list[Tensor]:
    """One-hot masks, one a layer of `sizes` blocks, of a step in which every block is as likely.

    In as many steps as a layer has blocks each of them is drawn once, in an order of its own:
    strict fairness (FairNAS, arXiv 1907.01845, 3.1) with one path a step. On the CPU; the draw
    depends on (seed, step) alone.
    """
    masks = []
    for layer, size in enumerate(sizes):
        order = np.random.default_rng([seed, 7, layer, step // size]).permutation(size)
        masks.append(torch.eye(size)[int(order[step % size])])
    return masks


def probabilities(alphas: Sequence[Tensor] | nn.ParameterList) -> list[Tensor]:
    """The distribution over blocks of each layer: softmax of its logits, without gradient."""
    return [torch.softmax(alpha.detach(), dim=0) for alpha in alphas]


def log_probabilities(alphas: Sequence[Tensor] | nn.ParameterList) -> list[np.ndarray]:
    """Logarithms of `probabilities`, finite however decided the distribution is."""
    return [torch.log_softmax(alpha.detach().double(), dim=0).cpu().numpy() for alpha in alphas]


def entropy(alphas: Sequence[Tensor] | nn.ParameterList) -> list[float]:
    """Entropy of each layer's distribution as a share of the uniform one's: 1 open, 0 decided.

    A layer with a single candidate has 0.
    """
    return [
        float(torch.special.entr(p).sum() / torch.log(torch.tensor(float(len(p)))))
        if len(p) > 1
        else 0.0
        for p in probabilities(alphas)
    ]
