"""The searched subnet against public PFLD nets: same data, same recipe, same tuning.

This module is the whole comparison as data: what is trained, on what, how.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any

RENDERED, PHOTOGRAPHS = "rendered", "photographs"
SUBNET = "subnet"
"""The searched net; every other model is a name of `fbnet.tables.BASELINES`."""

SETS = (RENDERED, PHOTOGRAPHS)
MODELS = (SUBNET, "lite", "mobilenetv3")
FOLDS = 5
"""Of the photographs; the rendered faces have one split, and runs of several seeds."""


@dataclass(frozen=True)
class Recipe:
    """One way of training, the same for every model.

    epochs: by data set. retrain: keys of the section `retrain`. runs: trainings of each model by
    data set; seeds on rendered faces, folds on photographs.
    rates: learning rates tried on validation for each model, on its first run on rendered faces,
    for `trial_share` of the epochs; the best one trains all of its runs. tuned_by: the recipe
    whose trials count where this one has no rates. teachers: by data set and model, the model
    that teaches it with `teacher_weight`, and the recipe that trained that one on the same run.
    start: by data set, another one and a recipe; the net begins with the weights of its first run
    there.
    """

    epochs: Mapping[str, int]
    retrain: Mapping[str, Any]
    runs: Mapping[str, Mapping[str, int]]
    rates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    trial_share: float = 0.2
    tuned_by: str = ""
    teachers: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    teacher_weight: float = 0.5
    start: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def trial_epochs(self) -> int:
        """Length of a trial."""
        return ceil(self.trial_share * self.epochs[RENDERED])


COMMON = {
    "batch": 32,
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "warmup_epochs": 1.0,
    "min_steps": 0,
    "inherit": False,
}
"""Stated in full, so that results do not depend on the defaults of the section `retrain`."""

ONE = Recipe(
    epochs={RENDERED: 40, PHOTOGRAPHS: 60},
    retrain=COMMON | {"loss": "wing", "ema": 0.99},
    runs={
        RENDERED: {SUBNET: 3, "lite": 3, "mobilenetv3": 1},
        PHOTOGRAPHS: {SUBNET: 5, "lite": 5, "mobilenetv3": 1},
    },
    # As many for each. At 0.006 and above MobileNetV3 hardly leaves the mean face in a trial.
    rates={
        SUBNET: (0.006, 0.012, 0.024),
        "lite": (0.006, 0.012, 0.024),
        "mobilenetv3": (0.0015, 0.006, 0.012),
    },
)
BEST = Recipe(
    epochs={RENDERED: 80, PHOTOGRAPHS: 120},
    retrain=COMMON | {"loss": "smooth_wing", "ema": 0.995},
    runs={
        RENDERED: {SUBNET: 3, "lite": 1},
        PHOTOGRAPHS: {SUBNET: 5, "lite": 5, "mobilenetv3": 1},
    },
    tuned_by="one",
    start={PHOTOGRAPHS: (RENDERED, "one")},
)
TAUGHT = replace(
    BEST,
    runs={RENDERED: {SUBNET: 1}, PHOTOGRAPHS: {SUBNET: 5}},
    # A teacher must not know the fold's test faces: lite has all five folds.
    teachers={(data, SUBNET): ("lite", "best") for data in SETS},
)
RECIPES = {"one": ONE, "best": BEST, "taught": TAUGHT}
"""`one`: the controlled comparison. `best`: smooth Wing, longer, and photographs begin where the
rendered faces ended. `taught`: that, with distillation from the larger net."""
