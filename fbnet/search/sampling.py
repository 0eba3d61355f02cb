"""From a learned distribution to architectures: argmax and samples, scored on validation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from fbnet.costs.lut import Lut, cost_of, reference_cost
from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.nets.pfld import PFLD, build_subnet
from fbnet.params import SearchParams, SpaceParams
from fbnet.progress import track
from fbnet.search.cost import fits, likeliest_within, total_loss
from fbnet.search.supernet import ArchitectureParameters, inherit, log_probabilities, probabilities
from fbnet.tables import LOSSES
from fbnet.training.validate import recalibrate, validation_loss, validation_nme

Choice = tuple[str, ...]
"""One block name per searchable layer."""


@dataclass(frozen=True)
class Candidate:
    """An architecture with its validation NME under inherited weights and its cost."""

    choice: Choice
    nme: float
    cost: float
    objective: float
    """The search's own loss of `Scorer.quality`: lower is better."""


def sample_choices(
    alphas: ArchitectureParameters, lut: Lut, limit: float, count: int, seed: int
) -> list[Choice]:
    """The likeliest first, then up to `count` other distinct samples, none costlier than `limit`.

    Without a limit (infinity) the likeliest is the argmax. A distribution that has decided, or
    that seldom meets the limit, yields fewer. Raises BadInput where no net is within it.
    """
    choices: dict[Choice, None] = {_likeliest(alphas, lut, limit): None}
    layers = alphas.space.layer_ops
    rng = np.random.default_rng([seed, 6])
    weights = [p.double().numpy() for p in probabilities(alphas.alphas)]
    for _ in range(100 * count):
        if len(choices) > count:
            break
        pairs = zip(layers, weights, strict=True)
        choice = tuple(ops[rng.choice(len(ops), p=w / w.sum())] for ops, w in pairs)
        if fits(cost_of(lut, choice), limit):
            choices[choice] = None
    return list(choices)


def _likeliest(alphas: ArchitectureParameters, lut: Lut, limit: float) -> Choice:
    best = alphas.best()
    if fits(cost_of(lut, best), limit):
        return best
    within = likeliest_within(log_probabilities(alphas.alphas), lut, limit)
    if within is None:
        raise BadInput(f"{lut.source}: no net of the space costs {limit:.4g} {lut.unit} or less")
    return within


@torch.no_grad()
def extract_subnet(supernet: PFLD, space: SpaceParams, choice: Choice, faces: FaceSet) -> PFLD:
    """A subnet of `choice` with the supernet's weights, a copy of them."""
    subnet = build_subnet(space, faces.points, choice, faces.size)
    inherit(supernet, subnet, choice)
    return subnet


class Scorer:
    """Scores architectures cut from a supernet, on the validation faces."""

    def __init__(
        self, faces: FaceSet, space: SpaceParams, lut: Lut, params: SearchParams, fabric: Fabric
    ) -> None:
        self.faces, self.space, self.lut = faces, space, lut
        self.params, self.fabric = params, fabric
        order = np.random.default_rng([params.seed, 5]).permutation(faces.indices("train"))
        self.calibration = np.sort(order[: params.calibration_faces])

    def nme(self, supernet: PFLD, choice: Choice) -> float:
        """Validation NME of `choice` under the supernet's weights.

        Batch-norm statistics are estimated anew on training faces.
        """
        return self._nme(self.subnet(supernet, choice))

    def subnet(self, supernet: PFLD, choice: Choice) -> PFLD:
        """The subnet of `choice`, its batch-norm statistics estimated anew for it alone."""
        subnet = extract_subnet(supernet, self.space, choice, self.faces)
        self.fabric.to_device(subnet).to(memory_format=torch.channels_last)
        recalibrate(subnet, self.faces, self.calibration, self.fabric)
        return subnet

    def _nme(self, subnet: PFLD) -> float:
        return validation_nme(subnet, self.faces, self.faces.indices("validation"), self.fabric)

    def quality(self, subnet: PFLD, nme: float, pose_net: nn.Module | None) -> float:
        """What stands for the training loss in the objective: the NME, which has no unit.

        Beside a summand (`mode: add`) the scale counts, so there it is the search's loss itself.
        """
        if self.params.mode != "add":
            return nme
        indices, loss = self.faces.indices("validation"), LOSSES[self.params.loss]
        return validation_loss(subnet, pose_net, loss, self.faces, indices, self.fabric)

    def rank(
        self, supernet: PFLD, choices: Sequence[Choice], pose_net: nn.Module | None = None
    ) -> list[Candidate]:
        """Score all, best objective first. `pose_net`: the search's, where its loss uses one."""
        scored, reference = [], reference_cost(self.lut)
        for choice in track(choices, "candidates", unit="net"):
            subnet, cost = self.subnet(supernet, choice), cost_of(self.lut, choice)
            nme = self._nme(subnet)
            quality = torch.tensor(self.quality(subnet, nme, pose_net))
            objective = total_loss(quality, torch.tensor(cost), reference, self.params)
            scored.append(Candidate(choice, nme, cost, float(objective)))
        return sorted(scored, key=lambda candidate: (candidate.objective, candidate.choice))
