"""The search: weights and architecture parameters learn in turn (FBNet, arXiv 1812.03443)."""

import math
from collections.abc import Sequence
from dataclasses import fields
from statistics import mean
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from fbnet.costs.lut import Lut, check_size, expected_cost, reference_cost
from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.faces.split import pick
from fbnet.nets.pfld import PFLD, build_auxnet
from fbnet.params import AugmentParams, SearchParams, SpaceParams
from fbnet.search.cost import budget, check_cost_form, constrained_gradients, total_loss
from fbnet.search.sampling import Choice, Scorer, sample_choices
from fbnet.search.supernet import (
    ArchitectureParameters,
    build_supernet,
    draw_noise,
    entropy,
    fair_masks,
    mix,
    probabilities,
)
from fbnet.tables import LOSSES, OPTIMIZERS
from fbnet.training.batches import Batch
from fbnet.training.device import generator_for, one_process
from fbnet.training.learner import Learner, Shards, set_start
from fbnet.training.optim import capturable, states_of, tensors_of
from fbnet.training.schedule import arch_steps, cannot_decide, lengthened, steps_of
from fbnet.training.trainer import Row, Trainer

PAPER_EPOCHS = 90
"""FBNet's search length, which its temperature schedule belongs to."""
FORMS: dict[tuple[str, str], dict[str, Any]] = {
    ("soft", "weights"): {},
    ("soft", "architecture"): {},
    ("hard", "weights"): {"hard": True},
    ("hard", "architecture"): {"hard": True},
    ("few_path", "weights"): {"hard": True},
    ("few_path", "architecture"): {"paths": 2},
}
"""How `search.sampling` draws the masks of the two kinds of step: arguments of `draw_masks`."""


class Search(Trainer[PFLD]):
    """A search under way: the supernet's weights and the architecture parameters.

    `probabilities` holds, for each finished epoch, the learned distribution of each layer.
    """

    name = "search"

    def __init__(
        self,
        faces: FaceSet,
        space: SpaceParams,
        lut: Lut,
        params: SearchParams,
        augment: AugmentParams | None = None,
        fabric: Fabric | None = None,
        shards: int | None = None,
        graph: bool = True,
    ) -> None:
        """Check that faces and table suffice, split the faces, build what learns.

        `fabric`: by default one process; `shards` and `graph`: see `Learner`. Raises BadInput.
        """
        check_size(lut, faces.size)
        check_cost_form(lut, params)
        self.space, self.lut, self.fabric = space, lut, fabric or one_process()
        self.budget = budget(lut, params)
        self.weight_faces, self.arch_faces = split_proxy(faces, params)
        share = Shards(self.fabric, shards)
        share.check_enough(len(self.weight_faces), "the supernet's weights")
        share.check_enough(len(self.arch_faces), "the architecture")
        self.params = p = lengthened(params, len(self.weight_faces), share.number)
        if reason := cannot_decide(p, len(self.arch_faces), share.number):
            raise BadInput(f"search.nas_lr {reason} ({len(self.arch_faces)} faces for that)")

        self.scorer = Scorer(faces, space, lut, p, self.fabric)
        self.alphas = ArchitectureParameters(space)
        supernet = build_supernet(space, faces.points, faces.size, p.seed)
        set_start(supernet, faces, p.start)
        learner = Learner(
            supernet,
            build_auxnet(faces.size, p.seed, space),
            LOSSES[p.loss],
            self.fabric,
            optimizer=p.optimizer,
            lr=p.lr,
            weight_decay=p.weight_decay,
            steps=p.epochs * steps_of(len(self.weight_faces), p.batch, share.number),
            shards=shards,
            graph=graph,
        )
        self.alphas.to(self.fabric.device)
        self.arch_optimizer = OPTIMIZERS["adamw"](
            self.alphas.parameters(), lr=p.nas_lr, weight_decay=p.nas_weight_decay
        )
        if self.fabric.device.type == "cuda":
            capturable(self.arch_optimizer, self.fabric.device)
        self._graphed = learner.graphed(
            "architecture step",
            self._update_alphas,
            lambda: [
                *tensors_of(self.alphas),
                *states_of(self.arch_optimizer),
                *learner.modules.buffers(),
            ],
        )
        self.arch_step_count = 0
        self.probabilities: list[list[list[float]]] = []
        super().__init__(
            faces, learner, learner.modules, seed=p.seed, epochs=p.epochs, augment=augment
        )

    def train_epoch(self) -> tuple[float, Row]:
        """One epoch: weights on their faces, then, after the warm-up, the architecture on its."""
        p = self.params
        faces = self.epoch_batches(self.weight_faces, p.batch, 2 * p.seed)
        loss = self.mean(self.weight_step(batch) for batch in faces)
        arch_loss = {}
        if self.epoch >= p.warmup_epochs:
            faces = self.epoch_batches(self.arch_faces, p.arch_batch, 2 * p.seed + 1)
            arch_loss["arch_loss"] = self.mean(self.architecture_step(batch) for batch in faces)
        self.learner.shards.average_statistics(self.learner.modules)

        learned = probabilities(self.alphas.alphas)
        self.probabilities.append([p.tolist() for p in learned])
        return loss, {
            "temperature": self.temperature,
            "expected_cost": float(expected_cost(self.lut, learned)),
            "entropy": mean(entropy(self.alphas.alphas)),
            **arch_loss,
        }

    def weight_step(self, batch: Batch) -> Tensor:
        """One step of the weights, the architecture parameters standing still."""
        return self.learner.step(batch, self.draw("weights", self.learner.step_count))

    def architecture_step(self, batch: Batch) -> Tensor:
        """One step of the architecture parameters; the draw that mixes is the draw that costs."""
        noise = self._noise("architecture", self.arch_step_count)
        heat = torch.tensor(self.temperature)
        self.arch_step_count += 1
        update = self._update_alphas if self._sparse("architecture") else self._graphed
        return cast(Tensor, update(*batch.parts, heat, *noise))

    def _update_alphas(self, *inputs: Any) -> Tensor:
        """The part of `architecture_step` that a graph can hold.

        Takes a batch's parts, the temperature and the noise of the draw.
        """
        parts = len(fields(Batch))
        batch, (heat, *noise) = Batch(*inputs[:parts]), inputs[parts:]
        masks = self._masks("architecture", noise, heat)
        cost = expected_cost(self.lut, [mask.to(self.fabric.device) for mask in masks])
        reference, alphas = reference_cost(self.lut), list(self.alphas.parameters())

        def objective(shard: Batch) -> Tensor:
            return total_loss(self.learner.objective(shard, masks), cost, reference, self.params)

        # Gradients of the alphas alone: those of the weights are neither needed nor computed.
        total = self.learner.shards.gradients(batch, objective, alphas)
        if self.budget:
            self._constrain(alphas, self.budget.limit)
        self.arch_optimizer.step()
        return total

    def _constrain(self, alphas: Sequence[nn.Parameter], limit: float) -> None:
        """Change the gradients of `alphas` so that the expected cost comes within `limit`."""
        # A budget bounds what the distribution costs, not each draw of it.
        cost = expected_cost(self.lut, [alpha.softmax(0) for alpha in alphas])
        constrained = constrained_gradients(
            [cast(Tensor, alpha.grad) for alpha in alphas],
            torch.autograd.grad(cost, alphas),
            cost > limit,
            self.params.target_weight,
        )
        for alpha, gradient in zip(alphas, constrained, strict=True):
            alpha.grad = gradient

    def draw(self, kind: str, step: int) -> list[Tensor]:
        """Masks, one a layer, of a "weights" or an "architecture" step.

        The draw depends on (seed, kind, step) and the distribution alone. Only masks of an
        architecture step have a graph. Masks that leave out blocks lie on the CPU, which has to
        know the blocks; others lie on the device.
        A fair warm-up draws one block a layer, every block as often.
        """
        fair = self.params.warmup == "fair" or self.params.sampling == "few_path"
        if kind == "weights" and fair and self.epoch < self.params.warmup_epochs:
            return fair_masks([len(alpha) for alpha in self.alphas.alphas], self.params.seed, step)
        return self._masks(kind, self._noise(kind, step), torch.tensor(self.temperature))

    def _noise(self, kind: str, step: int) -> list[Tensor]:
        generator = generator_for(self.params.seed, kind, step)
        return draw_noise(self.alphas.alphas, generator)

    def _masks(self, kind: str, noise: Sequence[Tensor], heat: Tensor) -> list[Tensor]:
        """The masks of a draw: see `draw`."""
        device = torch.device("cpu") if self._sparse(kind) else self.fabric.device
        alphas: Sequence[Tensor] = list(self.alphas.parameters())
        if device != self.fabric.device:  # one copy of all: each waits for the device
            sizes = [len(alpha) for alpha in alphas]
            alphas = torch.cat(list(alphas)).to(device).split(sizes)
        noise = [each.to(device, non_blocking=True) for each in noise]
        masks = mix(alphas, noise, heat.to(device), **FORMS[self.params.sampling, kind])
        return [mask.detach() for mask in masks] if kind == "weights" else masks

    def _sparse(self, kind: str) -> bool:
        """Whether the masks of such a step leave out blocks, and so say which kernels run."""
        form = FORMS[self.params.sampling, kind]
        return "paths" in form or ("hard" in form and kind == "weights")

    @property
    def temperature(self) -> float:
        """Gumbel softmax temperature now: falls over the architecture steps, to its floor."""
        steps = arch_steps(self.params, len(self.arch_faces), self.learner.shards.number)
        return temperature(self.params, self.arch_step_count / max(1, steps))

    def validate(self) -> float:
        """Validation NME of the likeliest architecture under the supernet's weights."""
        return self.scorer.nme(self.learner.net, self.choice())

    def choice(self) -> Choice:
        """The likeliest architecture now: of those within the budget, where there is one."""
        return self.samples(0)[0]

    def samples(self, count: int) -> list[Choice]:
        """`choice`, then up to `count` other samples of the distribution, all within the budget."""
        limit = self.budget.limit if self.budget else math.inf
        return sample_choices(self.alphas, self.lut, limit, count, self.params.seed)

    def logged(self, row: Row) -> Row:
        """The row and the epoch's distribution: {`probability/LAYER/BLOCK`: value}."""
        layers = zip(self.space.layer_ops, self.probabilities[int(row["epoch"]) - 1], strict=True)
        return row | {
            f"probability/{layer}/{name}": value
            for layer, (ops, values) in enumerate(layers)
            for name, value in zip(ops, values, strict=True)
        }

    def line(self, row: Row) -> str:
        """A row in one line, for people."""
        return (
            f"{super().line(row)}, temperature {row['temperature']:.2f}, "
            f"entropy {row['entropy']:.2f}, expected cost {row['expected_cost']:.4g}"
        )

    def state(self) -> dict[str, Any]:
        """Everything needed to resume as if never stopped."""
        return super().state() | {
            "alphas": self.alphas.state_dict(),
            "arch_optimizer": self.arch_optimizer.state_dict(),
            "arch_step_count": self.arch_step_count,
            "probabilities": self.probabilities,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from `state`."""
        super().restore(state)
        self.alphas.load_state_dict(state["alphas"])
        self.arch_optimizer.load_state_dict(state["arch_optimizer"])
        if self.fabric.device.type == "cuda":
            capturable(self.arch_optimizer, self.fabric.device)
        self._graphed.forget()
        self.arch_step_count = state["arch_step_count"]
        self.probabilities = state["probabilities"]


def temperature(params: SearchParams, progress: float) -> float:
    """Gumbel softmax temperature at `progress` 0..1 of the architecture steps.

    FBNet: 5 exp(-0.045 n) over 90 epochs, whatever the number of epochs here; not below the floor,
    where NNI's ends at 6.5e-5.
    """
    fall = math.exp(-params.temperature_decay * PAPER_EPOCHS * progress)
    return max(params.temperature_floor, params.temperature * fall)


def split_proxy(faces: FaceSet, params: SearchParams) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the proxy set's faces for the weights and for the architecture, disjoint.

    Both come from the training faces; groups never straddle. Raises BadInput for a single group.
    """
    proxy = proxy_set(faces, params)
    rng = np.random.default_rng([params.seed, 4])
    arch = pick(np.array(faces.groups)[proxy], params.arch_share, rng, "the architecture")
    return proxy[~arch], proxy[arch]


def proxy_set(faces: FaceSet, params: SearchParams) -> np.ndarray:
    """Indices of the training faces that the search uses, whole groups of them.

    Raises BadInput for a single group, of which no part can be taken.
    """
    train = faces.indices("train")
    if params.proxy_share == 1:
        return train
    rng, groups = np.random.default_rng([params.seed, 3]), np.array(faces.groups)
    return train[pick(groups[train], params.proxy_share, rng, "the proxy set")]
