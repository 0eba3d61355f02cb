"""Params of the `retrain` stage."""

from math import ceil
from typing import Literal, Self

from pydantic import Field

from fbnet.params.base import Section
from fbnet.params.search import LossName


class RetrainParams(Section):
    """Fine-tuning of the chosen subnet."""

    seed: int = Field(1, ge=0)
    """Every draw of the training hangs on it."""
    candidates: int = Field(1, ge=1)
    """How many of the best candidates of the search are trained; the best by validation stays."""
    inherit: bool = True
    """Start from the supernet's weights; false starts from scratch."""
    epochs: int = Field(40, ge=1)
    """Epochs over all training faces."""
    min_steps: int = Field(2800, ge=0)
    """Steps at least: few faces get more epochs, the warm-up in proportion."""
    warmup_epochs: float = Field(1.0, ge=0)
    """Epochs of linear learning-rate warm-up."""
    batch: int = Field(32, ge=2)
    """Faces in a step."""
    optimizer: Literal["rmsprop", "adamw"] = "adamw"
    """Optimiser; the seed's is rmsprop."""
    lr: float = Field(3e-3, gt=0)
    """Peak learning rate; cosine to zero."""
    weight_decay: float = Field(0.01, ge=0)
    """Weight decay."""
    ema: float = Field(0.99, ge=0, lt=1)
    """Decay of the moving average of the weights, which is what is validated; 0 turns it off."""
    loss: LossName = "wing"
    """Landmark loss; `pose_l2` is the seed's and trains the auxiliary pose net too."""
    augment: bool = True
    """Augment the faces as section `augment` says."""
    validate_every: int = Field(1, ge=1)
    """Epochs between validations; the last epoch is always validated."""

    def lengthened(self, train_faces: int) -> Self:
        """The params with epochs and warm-up raised to reach `min_steps` steps."""
        steps = self.epochs * ceil(train_faces / self.batch)
        factor = max(1.0, self.min_steps / max(steps, 1))
        longer = {
            "epochs": ceil(self.epochs * factor),
            "warmup_epochs": self.warmup_epochs * factor,
        }
        return self.model_copy(update=longer if factor > 1 else {})
