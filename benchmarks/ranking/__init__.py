"""Is the search's verdict right? Architectures trained alone, against what the search says.

This module is the benchmark as data: what is sampled, searched and trained, and how.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KIT = Path(__file__).with_name("kit.json")
"""A latency table that a kit measured on the machine of the published searches."""

SEARCH = {
    "cost": "latency", "mode": "mul", "cost_form": "normalised", "alpha": 0.25, "beta": 0.6,
    "epochs": 16, "warmup_epochs": 5, "min_steps": 800, "proxy_share": 1.0, "arch_share": 0.2,
    "batch": 32, "arch_batch": 32, "optimizer": "adamw", "lr": 2e-3, "weight_decay": 1e-4,
    "nas_lr": 0.2, "nas_weight_decay": 5e-4, "temperature": 5.0, "temperature_decay": 0.045,
    "temperature_floor": 0.1, "sampling": "soft", "loss": "wing", "augment": True,
    "candidates": 6, "calibration_faces": 512, "start": "nni", "warmup": "mixed",
}  # fmt: skip
"""The search that is judged, stated in full, so that results do not depend on defaults."""

RETRAIN = {
    "epochs": 12, "validate_every": 4, "min_steps": 0, "warmup_epochs": 1.0, "batch": 32,
    "optimizer": "adamw", "lr": 3e-3, "weight_decay": 0.01, "ema": 0.99, "loss": "wing",
    "augment": True,
}  # fmt: skip
"""How each architecture is trained alone: a short recipe of its own, stated in full."""


@dataclass(frozen=True)
class Variant:
    """A search with one thing done otherwise.

    what: in words, for the table. search: a name of `variants.SEARCHES`. changes: keys of SEARCH.
    """

    what: str
    search: str = "base"
    changes: Mapping[str, Any] = field(default_factory=dict)


VARIANTS = {
    "base": Variant("as the project has it"),
    "two_draws": Variant("two draws: one mixes, another costs", "two_draws"),
    "leak": Variant("leak: weights learn from the architecture's faces", "leak"),
    "cost_in_weights": Variant("cost in the weight step too", "cost_in_weights"),
    "pose": Variant("auxiliary pose net", changes={"loss": "pose_wing"}),
}


@dataclass(frozen=True)
class Plan:
    """What is sampled, searched and trained."""

    count: int = 20
    """Sampled architectures: the cheapest, the costliest, one of each stratum of MACs between."""
    pool: int = 20_000
    """Architectures drawn, of which each stratum takes its first."""
    seed: int = 0
    """Of the pool, and of the resamples of the verdicts."""
    search: Mapping[str, Any] = field(default_factory=lambda: SEARCH)
    search_seeds: tuple[int, ...] = (1, 2, 3)
    tables: tuple[Path, ...] = (KIT,)
    """Other latency tables by which each seed searches too, of different names."""
    budgets: tuple[float, ...] = (6.0e6, 6.4e6, 6.8e6, 7.2e6, 7.8e6, 8.5e6, 9.2e6, 10.6e6, 12.0e6)
    """MACs that one more search each may spend."""
    variants: Mapping[str, Variant] = field(default_factory=lambda: VARIANTS)
    reduced: Mapping[str, Any] = field(
        default_factory=lambda: {"proxy_share": 0.5, "arch_batch": 16, "min_steps": 0}
    )
    """Keys of SEARCH for the variants: half the faces, as many architecture steps as on all."""
    retrain: Mapping[str, Any] = field(default_factory=lambda: RETRAIN)
    seeds: tuple[int, int] = (1, 2)
    """Of the initial weights and all draws of a training; variants take the first."""
    resamples: int = 2000
    """Bootstrap draws over architectures for the intervals of tau."""
    confidence: float = 0.95
    """Of these intervals."""

    def searches(self) -> dict[str, dict[str, str]]:
        """Names of the jobs of all searches, in words -> name, by kind.

        Kinds: `seeds`, the stem of each other table, `budgets` (cheapest first), and `variants`.
        """
        by_table = {
            table: {f"seed {s}": f"searches/seed_{s}{suffix}" for s in self.search_seeds}
            for table, suffix in {
                "seeds": "",
                **{t.stem: f"_{t.stem}" for t in self.tables},
            }.items()
        }
        return by_table | {
            "budgets": {
                f"{b / 1e6:g} M MACs": f"searches/budget_{b:g}" for b in sorted(self.budgets)
            },
            "variants": {v.what: f"searches/{name}" for name, v in self.variants.items()},
        }


PLAN = Plan()
