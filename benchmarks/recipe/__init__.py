"""How long and by which recipe a net is trained to its end: one change at a time, on one net.

The net, the rendered faces and the recipe are stated in full in BASE; TRIALS declares what each
trial changes. A trial is judged by its validation faces (rendered) and by the third of the
photographs that chooses; test faces and the other two thirds are shown beside and choose nothing.
"""

from collections.abc import Mapping
from typing import Any

NET = ("mb_k3_e2_res", "mb_k3_res", "mb_k5_res", "mb_k5_res_se", "gh_k5")
"""The searched net of 7.5 M MACs, one block of NNI's space for each searchable layer."""
POINTS = 68
"""Landmarks of the rendered labels: those of the photographs."""

BASE: Mapping[str, Any] = {
    "rendered": {"train": 2400, "test": 400, "points": POINTS},
    "margin": 24,
    "seen": 216_000,
    "seed": 1,
    "retrain": {
        "batch": 128,
        "optimizer": "adamw",
        "lr": 4e-3,
        "weight_decay": 0.01,
        "warmup_epochs": 2.0,
        "ema": 0.995,
        "loss": "smooth_wing",
        "validate_every": 5,
        "start": "nni",
    },
    "augment": {
        "rotate": 20.0,
        "shift": 0.07,
        "scale": 0.1,
        "mirror": 0.5,
        "brightness": 0.15,
        "contrast": 0.2,
        "colour": 0.1,
        "grey": 0.1,
        "blur": 0.1,
        "blur_sigma": 1.5,
        "noise": 0.1,
        "noise_std": 12.0,
        "jpeg": 0.05,
        "occlude": 0.2,
        "occlude_side": 0.4,
    },
}
"""What every trial shares. rendered: `fetch.synthetic`; margin: `fetch.margin`, pixels; seen: faces
that training sees, in whole epochs; retrain, augment: keys of these sections."""

HALF: Mapping[str, float] = {
    "rotate": 10.0, "shift": 0.035, "scale": 0.05, "brightness": 0.075, "contrast": 0.1,
    "colour": 0.05, "occlude": 0.1,
}  # fmt: skip
"""Augmentation half as strong, beside BASE's."""

GROUPS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "base": {"base": {}, "base, seed 2": {"seed": 2}},
    "batch and rate": {
        "batch 32, rate 0.002": {"retrain": {"batch": 32, "lr": 2e-3}},
        "batch 64, rate 0.003": {"retrain": {"batch": 64, "lr": 3e-3}},
        "batch 256, rate 0.006": {"retrain": {"batch": 256, "lr": 6e-3}},
        "rate 0.002": {"retrain": {"lr": 2e-3}},
        "rate 0.008": {"retrain": {"lr": 8e-3}},
        "rate 0.016": {"retrain": {"lr": 1.6e-2}},
    },
    "warm-up, decay, average": {
        "no warm-up": {"retrain": {"warmup_epochs": 0.0}},
        "weight decay 0.0001": {"retrain": {"weight_decay": 1e-4}},
        "weight decay 0.05": {"retrain": {"weight_decay": 0.05}},
        "no moving average": {"retrain": {"ema": 0.0}},
        "moving average 0.999": {"retrain": {"ema": 0.999}},
    },
    "loss": {
        "L2": {"retrain": {"loss": "l2"}},
        "Wing": {"retrain": {"loss": "wing"}},
        "soft Wing": {"retrain": {"loss": "soft_wing"}},
        "Laplace, a scale for each point": {"variant": "laplace"},
    },
    "blocks": {"branches folded at the end": {"variant": "branches"}},
    "start": {"mean face": {"retrain": {"start": "mean_face"}}},
    "augmentation": {
        "half as strong": {"augment": HALF},
        "stronger": {
            "augment": {
                "rotate": 25.0, "shift": 0.08, "scale": 0.12, "brightness": 0.2,
                "contrast": 0.3, "colour": 0.15, "occlude": 0.35,
            }
        },
        "margin 12": {"margin": 12},
    },
    "together": {
        "soft Wing, rate 0.008, half as strong": {
            "retrain": {"loss": "soft_wing", "lr": 8e-3}, "augment": HALF,
        },
        "soft Wing, rate 0.016, half as strong": {
            "retrain": {"loss": "soft_wing", "lr": 1.6e-2}, "augment": HALF,
        },
    },
    "faces seen": {
        "54,000": {"seen": 54_000},
        "108,000": {"seen": 108_000},
        "432,000": {"seen": 432_000},
        "864,000": {"seen": 864_000},
    },
    "faces rendered": {
        "600": {"rendered": {"train": 600}},
        "1,200": {"rendered": {"train": 1200}},
        "4,800": {"rendered": {"train": 4800}},
        "9,600": {"rendered": {"train": 9600}},
    },
}  # fmt: skip
"""What the trials change, by subject: name -> changes of BASE, one level deep. variant: one of
`benchmarks.recipe.variants`."""

TRIALS = {name: changes for group in GROUPS.values() for name, changes in group.items()}


def setting(name: str) -> dict[str, Any]:
    """The setting of a trial in full: BASE with its changes."""
    changes = TRIALS[name]
    shared = {
        key: {**value, **changes.get(key, {})}
        if isinstance(value, Mapping)
        else changes.get(key, value)
        for key, value in BASE.items()
    }
    return shared | {key: changes[key] for key in changes.keys() - BASE.keys()} | {"net": NET}
