"""Training: batches, losses, the step over shards, the trainer that search and retraining fill in.

The tables list what params name, and need no torch. To add one of a kind, write a function (or a
`LandmarkLoss`) and a line here; from outside the package, call `register`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from fbnet.registry import Registry

if TYPE_CHECKING:
    import torch

    from fbnet.training.augment import Augmentation
    from fbnet.training.losses import LandmarkLoss

LOSSES: Registry["LandmarkLoss"] = Registry(
    "loss",
    {
        "l2": "fbnet.training.losses:L2",
        "wing": "fbnet.training.losses:WING",
        "smooth_wing": "fbnet.training.losses:SMOOTH_WING",
        "pose_l2": "fbnet.training.losses:POSE_L2",
        "pose_wing": "fbnet.training.losses:POSE_WING",
        "pose_smooth_wing": "fbnet.training.losses:POSE_SMOOTH_WING",
    },
)
"""Landmark losses. Those called `pose_` train the auxiliary pose net too; NNI's is `pose_l2`."""

OPTIMIZERS: Registry["Callable[..., torch.optim.Optimizer]"] = Registry(
    "optimizer",
    {
        "adamw": "fbnet.training.optim:adamw",
        "rmsprop": "fbnet.training.optim:rmsprop",
    },
)
"""Builders of an optimiser: (parameters, lr, weight_decay) -> torch.optim.Optimizer."""

AUGMENTATIONS: Registry["Augmentation"] = Registry(
    "augmentation",
    {
        "tone": "fbnet.training.augment:tone",
        "grey": "fbnet.training.augment:grey",
        "blur": "fbnet.training.augment:blur",
        "noise": "fbnet.training.augment:noise",
        "jpeg": "fbnet.training.augment:jpeg",
        "occlude": "fbnet.training.augment:occlude",
    },
)
"""What is done to a training crop after its warp, in this order."""
