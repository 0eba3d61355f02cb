"""Params of the `retrain` stage."""

from typing import Literal

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
    warmup_epochs: float = Field(1.0, ge=0)
    """Epochs of linear learning-rate warm-up."""
    batch: int = Field(64, ge=2)
    """Faces in a step."""
    optimizer: Literal["rmsprop", "adamw"] = "adamw"
    """Optimiser; the seed's is rmsprop."""
    lr: float = Field(3e-3, gt=0)
    """Peak learning rate; cosine to zero."""
    weight_decay: float = Field(0.01, ge=0)
    """Weight decay."""
    ema: float = Field(0.995, ge=0, lt=1)
    """Decay of the moving average of the weights, which is what is validated; 0 turns it off."""
    loss: LossName = "wing"
    """Landmark loss; `pose_l2` is the seed's and trains the auxiliary pose net too."""
    augment: bool = True
    """Augment the faces as section `augment` says."""
    validate_every: int = Field(1, ge=1)
    """Epochs between validations; the last epoch is always validated."""
