"""The search: weights and architecture parameters learn in turn (FBNet, arXiv 1812.03443)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from fbnet.costs.lut import Lut, check_size, expected_cost, reference_cost
from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.faces.split import pick
from fbnet.nets.pfld import build_auxnet
from fbnet.params import AugmentParams, SearchParams, SpaceParams, cannot_decide
from fbnet.progress import Log, no_log, say, track
from fbnet.search.budget import budget
from fbnet.search.cost import check_cost_form, constrained_gradients, total_loss
from fbnet.search.sampling import Choice, Scorer, sample_choices
from fbnet.search.supernet import (
    ArchitectureParameters,
    build_supernet,
    draw_masks,
    entropy,
    probabilities,
)
from fbnet.training.batches import Batch, batches
from fbnet.training.checkpoints import Checkpoint
from fbnet.training.device import one_process
from fbnet.training.learner import Learner, mean_loss
from fbnet.training.losses import landmark_loss
from fbnet.training.optim import build_optimizer
from fbnet.training.seeds import generator_for
from fbnet.training.weights import snapshot

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


@dataclass
class Search:
    """A search under way: what learns, what is known so far, and how to go on."""

    faces: FaceSet
    space: SpaceParams
    lut: Lut
    params: SearchParams
    augment: AugmentParams | None = None
    fabric: Fabric = field(default_factory=one_process)
    shards: int | None = None
    epoch: int = 0
    arch_step_count: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    probabilities: list[list[list[float]]] = field(default_factory=list)
    best: dict[str, Any] = field(default_factory=lambda: {"nme": math.inf})

    def __post_init__(self) -> None:
        """Check that the faces suffice, split them, build what learns. Raises BadInput."""
        check_size(self.lut, self.faces.size)
        check_cost_form(self.lut, self.params)
        self.budget = budget(self.lut, self.params)
        self.weight_faces, self.arch_faces = split_proxy(self.faces, self.params)
        self.params = p = self.params.lengthened(len(self.weight_faces))
        if reason := cannot_decide(p, len(self.arch_faces)):
            raise BadInput(f"search.nas_lr {reason} ({len(self.arch_faces)} faces for that)")
        self.arch_steps = p.arch_steps(len(self.arch_faces))
        self.scorer = Scorer(self.faces, self.space, self.lut, p, self.fabric)
        points = self.faces.points
        self.alphas = ArchitectureParameters(self.space)
        self.learner = Learner(
            build_supernet(self.space, points, self.faces.size, p.seed),
            build_auxnet(self.faces.size, p.seed),
            landmark_loss(p.loss),
            self.fabric,
            optimizer=p.optimizer,
            lr=p.lr,
            weight_decay=p.weight_decay,
            steps=p.epochs * math.ceil(len(self.weight_faces) / p.batch),
            shards=self.shards,
        )
        self.arch_optimizer = build_optimizer(
            "adamw", self.alphas.parameters(), p.nas_lr, p.nas_weight_decay
        )

    @property
    def temperature(self) -> float:
        """Gumbel softmax temperature now: falls over the architecture steps, to its floor."""
        return temperature(self.params, self.arch_step_count / max(1, self.arch_steps))

    def run(self, checkpoint: Checkpoint | None = None, log: Log = no_log) -> None:
        """Train to the last epoch, from the checkpoint where it holds one."""
        if checkpoint and (state := checkpoint.load()):
            self.restore(state)
            say(f"search: goes on after epoch {self.epoch}")
            for row in self.history:
                log(int(row["epoch"]), row)
        for _ in track(range(self.epoch, self.params.epochs), "search", unit="epoch"):
            row = self.run_epoch()
            log(self.epoch, row | flat_probabilities(self.space, self.probabilities[-1]))
            say(line(row))
            if checkpoint:
                checkpoint.save(self.state())

    def run_epoch(self) -> dict[str, float]:
        """One epoch: weights on their faces, then the architecture on its own; validate."""
        torch.manual_seed(self.params.seed * 1_000_003 + self.epoch)
        weight_loss = mean_loss(
            self.weight_step(batch)
            for batch in self._batches(self.weight_faces, self.params.batch, kind=0)
        )
        arch_loss = self._run_architecture() if self.epoch >= self.params.warmup_epochs else None
        self.epoch += 1
        return self._record(weight_loss, arch_loss)

    def _run_architecture(self) -> float:
        return mean_loss(
            self.architecture_step(batch)
            for batch in self._batches(self.arch_faces, self.params.arch_batch, kind=1)
        )

    def weight_step(self, batch: Batch) -> Tensor:
        """One step of the weights, the architecture parameters standing still."""
        return self.learner.step(batch, self._draw("weights", self.learner.step_count))

    def architecture_step(self, batch: Batch) -> Tensor:
        """One step of the architecture parameters; the draw that mixes is the draw that costs."""
        masks = self._draw("architecture", self.arch_step_count)
        cost, reference = expected_cost(self.lut, masks), reference_cost(self.lut)
        parameters = list(self.alphas.parameters())

        def objective(part: Batch) -> Tensor:
            return total_loss(self.learner.objective(part, masks), cost, reference, self.params)

        # Gradients of the alphas alone: those of the weights are neither needed nor computed.
        total = self.learner.gradients(batch, objective, parameters)
        if self.budget:
            slopes = [cast(Tensor, parameter.grad) for parameter in parameters]
            for parameter, slope in zip(
                parameters, self._steered(slopes, self.budget.limit), strict=True
            ):
                parameter.grad = slope
        self.arch_optimizer.step()
        self.arch_step_count += 1
        return total

    def _steered(self, slopes: Sequence[Tensor], limit: float) -> list[Tensor]:
        # A budget bounds what the distribution costs, not each draw of it.
        cost = expected_cost(self.lut, [alpha.softmax(0) for alpha in self.alphas.alphas])
        toward = torch.autograd.grad(cost, list(self.alphas.parameters()))
        return constrained_gradients(slopes, toward, bool(cost > limit), self.params.target_weight)

    def _draw(self, kind: str, step: int) -> list[Tensor]:
        generator = generator_for(self.params.seed, kind, step)
        form = FORMS[self.params.sampling, kind]
        masks = draw_masks(self.alphas.alphas, self.temperature, generator, **form)
        if kind == "weights":
            masks = [mask.detach() for mask in masks]
        return [mask.to(self.fabric.device) for mask in masks]

    def _batches(self, indices: np.ndarray, size: int, kind: int) -> Any:
        seed = 2 * self.params.seed + kind
        return batches(
            self.faces,
            indices,
            size,
            seed=seed,
            epoch=self.epoch,
            augment=self.augment,
            shuffle=True,
            part=self.learner.shards.part,
        )

    def _record(self, weight_loss: float, arch_loss: float | None) -> dict[str, float]:
        now = probabilities(self.alphas.alphas)
        self.learner.shards.average_statistics(self.learner.modules)
        nme = self.scorer.nme(self.learner.net, self.choice())
        row = {
            "epoch": float(self.epoch),
            "loss": weight_loss,
            "val_nme": nme,
            "temperature": self.temperature,
            "expected_cost": float(expected_cost(self.lut, now)),
            "entropy": mean(entropy(self.alphas.alphas)),
        }
        if arch_loss is not None:
            row["arch_loss"] = arch_loss
        self.history.append(row)
        self.probabilities.append([p.tolist() for p in now])
        if nme < self.best["nme"]:
            weights = snapshot(self.learner.modules)
            self.best = {"nme": nme, "epoch": self.epoch, "weights": weights}
        return row

    def choice(self) -> Choice:
        """The likeliest architecture now: of those within the budget, where there is one."""
        return self.samples(0)[0]

    def samples(self, count: int) -> list[Choice]:
        """`choice`, then up to `count` other samples of the distribution, all within the budget."""
        limit = self.budget.limit if self.budget else math.inf
        return sample_choices(self.alphas, self.lut, limit, count, self.params.seed)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on as if never stopped."""
        return {
            "learner": self.learner.state(),
            "alphas": self.alphas.state_dict(),
            "arch_optimizer": self.arch_optimizer.state_dict(),
            "epoch": self.epoch,
            "arch_step_count": self.arch_step_count,
            "history": self.history,
            "probabilities": self.probabilities,
            "best": self.best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.learner.restore(state["learner"])
        self.alphas.load_state_dict(state["alphas"])
        self.arch_optimizer.load_state_dict(state["arch_optimizer"])
        for name in ("epoch", "arch_step_count", "history", "probabilities", "best"):
            setattr(self, name, state[name])


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
    proxy, groups = faces.indices("train"), np.array(faces.groups)
    if params.proxy_share < 1:
        rng = np.random.default_rng([params.seed, 3])
        proxy = proxy[pick(groups[proxy], params.proxy_share, rng, "the proxy set")]
    rng = np.random.default_rng([params.seed, 4])
    arch = pick(groups[proxy], params.arch_share, rng, "the architecture")
    return proxy[~arch], proxy[arch]


def flat_probabilities(space: SpaceParams, values: Sequence[Sequence[float]]) -> dict[str, float]:
    """{`probability/LAYER/BLOCK`: value} for logging."""
    return {
        f"probability/{layer}/{name}": value
        for layer, (ops, row) in enumerate(zip(space.layer_ops, values, strict=True))
        for name, value in zip(ops, row, strict=True)
    }


def line(row: dict[str, float]) -> str:
    """An epoch in one line."""
    return (
        f"  epoch {row['epoch']:.0f}: loss {row['loss']:.4f}, validation NME {row['val_nme']:.2%}, "
        f"temperature {row['temperature']:.2f}, entropy {row['entropy']:.2f}, "
        f"expected cost {row['expected_cost']:.4g}"
    )
