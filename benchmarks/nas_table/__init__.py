"""A table of trained nets of NNI's space, on which a method of search is tested in seconds.

This module is the protocol as data: which architectures, how each is trained, on which faces.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BANDS: Mapping[str, tuple[float, float]] = {
    "6-7": (6e6, 7e6),
    "7-8": (7e6, 8e6),
    "8-9": (8e6, 9e6),
    "9-10": (9e6, 10e6),
    "10-12": (10e6, 12e6),
}
"""Bands of MACs, by name: from (inclusive), to."""
ENDS: Mapping[str, tuple[float, float]] = {"0-6": (0.0, 6e6), "12-": (12e6, float("inf"))}
"""The rest of the space's range: six architectures below 6 M MACs and one above 12 M."""

FACES: Mapping[str, Any] = {
    "synthetic": {"train": 2400, "test": 400, "points": 106, "seed": 0},
    "size": 112, "margin": 24, "seed": 1, "validation_share": 0.1,
}  # fmt: skip
"""Keys of `fetch`, others by default, by which faces are rendered: 2,160 train, 240 validate."""

SHORT: Mapping[str, Any] = {
    "epochs": 8, "validate_every": 1, "min_steps": 0, "warmup_epochs": 2.0, "batch": 32,
    "optimizer": "adamw", "lr": 4e-3, "weight_decay": 0.01, "ema": 0.98, "loss": "soft_wing",
    "augment": True, "start": "mean_face",
}  # fmt: skip
"""How each net is trained from scratch: `retrain`'s recipe in 544 steps, so with smaller batches,
half the rate and a shorter average."""

LONG: Mapping[str, Any] = {
    "epochs": 96, "validate_every": 8, "min_steps": 0, "warmup_epochs": 2.0, "batch": 128,
    "optimizer": "adamw", "lr": 8e-3, "weight_decay": 0.01, "ema": 0.995, "loss": "soft_wing",
    "augment": True, "start": "mean_face",
}  # fmt: skip
"""How some are trained to their end: `retrain`'s own recipe, from scratch."""

AUGMENT = {
    "rotate": 10.0, "shift": 0.07, "scale": 0.1, "mirror": 0.5, "brightness": 0.075,
    "contrast": 0.1, "colour": 0.05, "grey": 0.1, "blur": 0.1, "blur_sigma": 1.5, "noise": 0.1,
    "noise_std": 12.0, "jpeg": 0.05, "occlude": 0.1, "occlude_side": 0.4,
}  # fmt: skip
"""How the faces of both recipes are varied."""


@dataclass(frozen=True)
class Plan:
    """Which architectures are trained, and how."""

    bands: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {**BANDS, **ENDS})
    """Architectures are drawn from each of them, in turn."""
    count: int = 60
    """Architectures of each band, or all where it has fewer."""
    pool: int = 20_000
    """Architectures drawn over the whole range of MACs; each band takes its first."""
    seed: int = 0
    """Of these draws."""
    seeds: tuple[int, ...] = (1, 2)
    """Of the initial weights and of all draws of a training."""
    short: Mapping[str, Any] = field(default_factory=lambda: SHORT)
    long: Mapping[str, Any] = field(default_factory=lambda: LONG)
    long_count: int = 8
    """Architectures of each of BANDS that are trained by the long recipe too, by the first seed."""
    augment: Mapping[str, Any] = field(default_factory=lambda: AUGMENT)


PLAN = Plan()
