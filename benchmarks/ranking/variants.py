"""The search with one thing done otherwise: code paths that the library rightly lacks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fbnet.costs.lut import expected_cost, reference_cost
from fbnet.search.cost import cost_term, total_loss
from fbnet.search.loop import FORMS, Search
from fbnet.search.supernet import draw_masks
from fbnet.training.batches import Batch
from fbnet.training.device import generator_for
from fbnet.training.losses import LandmarkLoss


class TwoDraws(Search):
    """The outputs are mixed by one draw and the cost is that of another, as in NNI."""

    def architecture_step(self, batch: Batch) -> Tensor:
        """One step of the architecture parameters, with a draw for each part of the loss."""
        loss = self.learner.objective(batch, self.draw("architecture", self.arch_step_count))
        cost = expected_cost(self.lut, self._second_draw(self.arch_step_count))
        total = total_loss(loss, cost, reference_cost(self.lut), self.params)
        self.arch_optimizer.zero_grad()
        total.backward(inputs=list(self.alphas.parameters()))
        self.arch_optimizer.step()
        self.arch_step_count += 1
        return total.detach()

    def _second_draw(self, step: int) -> list[Tensor]:
        generator = generator_for(self.params.seed, "cost", step)
        form = FORMS[self.params.sampling, "architecture"]
        masks = draw_masks(self.alphas.alphas, self.temperature, generator, **form)
        return [mask.to(self.fabric.device) for mask in masks]


class Leak(Search):
    """The weights learn from the architecture's faces too; as many steps as with the split."""

    def epoch_batches(self, indices: np.ndarray, size: int, seed: int) -> Iterator[Batch]:
        """Batches of the epoch, from both kinds of faces where they are for the weights."""
        if indices is self.weight_faces:
            indices = self._mixed()
        return super().epoch_batches(indices, size, seed)

    def _mixed(self) -> np.ndarray:
        everything = np.union1d(self.weight_faces, self.arch_faces)
        rng = np.random.default_rng([self.params.seed, self.epoch, 8])
        return np.sort(rng.choice(everything, len(self.weight_faces), replace=False))


@dataclass(frozen=True)
class CostedLoss:
    """A landmark loss with the cost of a draw in it, by the search's own formula."""

    inner: LandmarkLoss
    term: float
    multiplied: bool

    @property
    def uses_pose(self) -> bool:
        """Whether the loss needs the pose net's angles."""
        return self.inner.uses_pose

    def __call__(self, *arguments: Any) -> Tensor:
        """Scalar loss of what `LandmarkLoss` takes."""
        loss = self.inner(*arguments)
        return loss * self.term if self.multiplied else loss + self.term


class CostInWeights(Search):
    """The cost enters the loss of the weight step too, as in NNI."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Keep the plain loss, which the architecture step uses."""
        super().__init__(*args, **kwargs)
        self.plain = self.learner.loss

    def draw(self, kind: str, step: int) -> list[Tensor]:
        """The masks of a step; the loss from here on is that of the step's kind."""
        masks = super().draw(kind, step)
        self.learner.loss = self._costed(masks) if kind == "weights" else self.plain
        return masks

    @torch.no_grad()
    def _costed(self, masks: list[Tensor]) -> Any:
        term = cost_term(expected_cost(self.lut, masks), reference_cost(self.lut), self.params)
        return CostedLoss(self.plain, float(term), self.params.mode == "mul")


SEARCHES: dict[str, type[Search]] = {
    "base": Search,
    "two_draws": TwoDraws,
    "leak": Leak,
    "cost_in_weights": CostInWeights,
}
