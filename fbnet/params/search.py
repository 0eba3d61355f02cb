"""Params of the `search` stage."""

from math import ceil
from typing import Literal, Self

from pydantic import Field

from fbnet.params.base import Section

LossName = Literal["l2", "wing", "smooth_wing", "pose_l2", "pose_wing", "pose_smooth_wing"]


class SearchParams(Section):
    """Differentiable search (FBNet, arXiv 1812.03443); names as in the seed where it has them."""

    seed: int = Field(1, ge=0)
    """Every draw of the search (split, order, augmentation, Gumbel noise) hangs on it."""
    cost: Literal["latency", "macs"] = "latency"
    """Which table of results/lut the cost comes from; `macs` is exact and the same everywhere."""
    mode: Literal["mul", "add", "target"] = "mul"
    """How the cost enters: mul and add trade it for accuracy, target keeps it within a budget.

    mul: loss * alpha * ln(1 + (e-1) cost/ref)^beta; add: loss + alpha * (cost/ref)^beta.
    """
    target_ms: float | None = Field(None, gt=0)
    """Latency that the chosen net may have, in ms; for `mode: target` with `cost: latency`."""
    target_macs: int | None = Field(None, gt=0)
    """MACs that the chosen net may have; for `mode: target` with `cost: macs`."""
    target_weight: float = Field(3.0, gt=1)
    """How many times as steep as the loss the cost is made while it is over the budget."""
    cost_form: Literal["normalised", "seed"] = "normalised"
    """seed: the seed's own formula on the raw cost, (ln cost)^beta."""
    alpha: float = Field(0.25, gt=0)
    """Weight of the cost. In `mul` it only scales the loss, which AdamW ignores: sweep beta."""
    beta: float = Field(0.6, ge=0)
    """Exponent of the cost; 0 searches for accuracy alone."""
    epochs: int = Field(16, ge=1)
    """Epochs in all, warm-up included."""
    warmup_epochs: int = Field(5, ge=0)
    """First epochs, in which only the weights learn and every block has an equal chance."""
    min_steps: int = Field(800, ge=0)
    """Weight steps at least: few faces get more epochs, the warm-up in proportion."""
    proxy_share: float = Field(1.0, gt=0, le=1)
    """Share of the training faces the search uses (the proxy set)."""
    arch_share: float = Field(0.2, gt=0, lt=1)
    """Share of the proxy set that trains the architecture; the rest trains the weights."""
    batch: int = Field(32, ge=2)
    """Faces in a weight step."""
    arch_batch: int = Field(32, ge=2)
    """Faces in an architecture step."""
    optimizer: Literal["rmsprop", "adamw"] = "adamw"
    """Optimiser of the weights; the seed's is rmsprop."""
    lr: float = Field(2e-3, gt=0)
    """Peak learning rate of the weights; cosine to zero."""
    weight_decay: float = Field(1e-4, ge=0)
    """Weight decay of the weights."""
    nas_lr: float = Field(0.2, gt=0)
    """Learning rate of the architecture parameters (AdamW)."""
    nas_weight_decay: float = Field(5e-4, ge=0)
    """Weight decay of the architecture parameters."""
    temperature: float = Field(5.0, gt=0)
    """Gumbel softmax temperature at the start."""
    temperature_decay: float = Field(0.045, ge=0)
    """Fall by exp(-decay) an epoch of FBNet's 90, scaled to the architecture epochs here."""
    temperature_floor: float = Field(0.1, ge=0.01)
    """The temperature never falls below; near zero the gradients are noise or NaN."""
    sampling: Literal["soft", "hard", "few_path"] = "soft"
    """soft: blocks mixed by the Gumbel softmax (the seed); hard: one block, straight-through.
    few_path: weights learn on one drawn block a layer, the architecture on two mixed; fastest."""
    loss: LossName = "wing"
    """Landmark loss; `pose_l2` is the seed's and trains the auxiliary pose net too."""
    augment: bool = True
    """Augment the faces as section `augment` says."""
    candidates: int = Field(6, ge=0)
    """Architectures sampled from the learned distribution and scored beside the argmax."""
    calibration_faces: int = Field(512, ge=2)
    """Training faces on which a candidate's batch-norm statistics are estimated anew."""

    @property
    def target(self) -> float | None:
        """The budget in the unit of the cost table; None unless `mode` is target."""
        if self.mode != "target":
            return None
        return self.target_ms if self.cost == "latency" else self.target_macs

    @property
    def arch_epochs(self) -> int:
        """Epochs in which the architecture learns."""
        return self.epochs - self.warmup_epochs

    def lengthened(self, weight_faces: int) -> Self:
        """The params with epochs and warm-up raised to reach `min_steps` weight steps."""
        steps = self.epochs * ceil(weight_faces / self.batch)
        factor = max(1.0, self.min_steps / max(steps, 1))
        longer = {
            "epochs": ceil(self.epochs * factor),
            "warmup_epochs": ceil(self.warmup_epochs * factor),
        }
        return self.model_copy(update=longer if factor > 1 else {})

    def arch_steps(self, arch_faces: int) -> int:
        """Architecture steps of the whole search."""
        return self.arch_epochs * ceil(arch_faces / self.arch_batch)
