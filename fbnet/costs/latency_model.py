"""The latency model: a net takes the table's fixed part and the sum of its blocks' entries.

Here timings become such a table, and its predictions are compared with whole nets' latencies.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fbnet.costs.timing import Timing, cpu_model
from fbnet.engines import ENGINES
from fbnet.nets.pfld import Slot
from fbnet.params import SpaceParams

Choice = tuple[str, ...]
"""An architecture: the block of each searchable layer."""
Shape = tuple[int, int, int, int]
"""c_in, c_out, stride, side of the input map."""

FLOOR_MS = 1e-4
"""Least cost of an entry, in ms: a tenth of a microsecond."""


def block_shape(slot: Slot) -> Shape:
    """What distinguishes two layers' costs of one block."""
    return slot.c_in, slot.c_out, slot.stride, slot.size


def layer_ends(slot: Slot) -> tuple[tuple[int, int], tuple[int, int]]:
    """(channels, side) of a layer's input and output."""
    return (slot.c_in, slot.size), (slot.c_out, slot.output_size)


def reference_choices(slots: Sequence[Slot]) -> list[Choice]:
    """Nets of the fixed part: the first, the middle and the last candidate in every layer."""
    choices = [
        tuple(slot.blocks[(len(slot.blocks) - 1) * part // 2] for slot in slots)
        for part in range(3)
    ]
    return list(dict.fromkeys(choices))


def sampled_choices(space: SpaceParams, count: int, seed: int) -> list[Choice]:
    """`count` architectures of the space, every block equally likely, drawn from `seed`."""
    draws = np.random.default_rng(seed)
    return [tuple(str(draws.choice(ops)) for ops in space.layer_ops) for _ in range(count)]


def table_from_timings(
    times: Mapping[Any, Timing], slots: Sequence[Slot], references: Sequence[Choice]
) -> dict[str, Any]:
    """`unit`, `layers` and `fixed` of a latency table.

    times: of all of `measure.table_models`, under their keys. A block's entry is its model's
    latency less that of its neighbours alone; the fixed part is what the references take beyond
    their sums, on average, so that the sums predict whole nets.
    """
    layers: list[dict[str, Any]] = [
        slot.shape() | {"blocks": {block: _entry(times, slot, block) for block in slot.blocks}}
        for slot in slots
    ]
    beyond = [
        times[choice].median
        - sum(layer["blocks"][b]["median"] for layer, b in zip(layers, choice, strict=True))
        for choice in references
    ]
    nets = [{"choice": list(choice), **asdict(times[choice])} for choice in references]
    fixed = {"median": max(FLOOR_MS, statistics.fmean(beyond)), "references": nets}
    return {"unit": "ms", "layers": layers, "fixed": fixed}


def _entry(times: Mapping[Any, Timing], slot: Slot, block: str) -> dict[str, float]:
    timing = times[block, block_shape(slot)]
    # One neighbour stands at the input's shape, the other at the output's.
    neighbours = statistics.fmean(times[end].median for end in layer_ends(slot))
    figures = asdict(timing)
    for name in ("min", "median", "mean"):
        figures[name] = max(FLOOR_MS, figures[name] - neighbours)
    figures["ci"] = timing.ci * timing.median / figures["median"]
    return figures


@dataclass(frozen=True)
class Setting:
    """How a net was run when it was timed: engine's name, threads, faces in a call."""

    engine: str
    threads: int
    batch: int


def setting(table: dict[str, Any]) -> Setting | None:
    """How nets have to be run here to compare with a latency table.

    None for a table that was not measured on this processor, or does not say how: a device's.
    """
    protocol = table.get("protocol", {})
    known = table.get("engine") in ENGINES and "threads" in protocol
    if not known or table.get("cpu") != cpu_model():
        return None
    return Setting(table["engine"], protocol["threads"], protocol.get("batch", 1))


def references(table: dict[str, Any]) -> dict[Choice, float]:
    """Latency in ms of the whole nets that a table's fixed part was taken from, by choice."""
    return {tuple(net["choice"]): net["median"] for net in table["fixed"].get("references", [])}


def drift(then: Mapping[Choice, float], now: Mapping[Choice, float]) -> float:
    """By what factor the machine became slower: mean over the nets timed both times, else 1."""
    ratios = [now[choice] / then[choice] for choice in then if choice in now]
    return float(np.mean(ratios)) if ratios else 1.0


@dataclass(frozen=True)
class Agreement:
    """Prediction against measurement over several nets.

    mape: mean of |predicted - measured| / measured. r2: share of the measured variance that the
    prediction explains, below 0 where their mean would do better. spearman: rank correlation,
    -1..1. r2 is None where all measurements are equal, spearman also where all predictions are.
    """

    mape: float
    r2: float | None
    spearman: float | None

    def metrics(self) -> dict[str, float]:
        """The figures that are not None, as `prediction_mape` and so on."""
        return {f"prediction_{k}": v for k, v in asdict(self).items() if v is not None}

    def warning(self, mape: float, spearman: float) -> str:
        """What is wrong with the table in one line, or "". mape, spearman: the limits."""
        faults = []
        if self.mape > mape:
            faults.append(f"its sums are off by {self.mape:.0%} on average (limit {mape:.0%})")
        if self.spearman is not None and self.spearman < spearman:
            faults.append(f"it orders nets wrongly (Spearman {self.spearman:.2f} < {spearman:g})")
        if not faults:
            return ""
        return f"the latency table PREDICTS BADLY: {' and '.join(faults)}; measure it again"


def agreement(predicted: Sequence[float], measured: Sequence[float]) -> Agreement:
    """Compare latencies of the same nets, at least one, in one unit."""
    from scipy.stats import spearmanr

    p, m = np.asarray(predicted, np.float64), np.asarray(measured, np.float64)
    spread = float(((m - m.mean()) ** 2).sum())
    r2 = 1 - float(((m - p) ** 2).sum()) / spread if spread > 0 else None
    ranked = len(np.unique(p)) > 1 and len(np.unique(m)) > 1
    rank = float(spearmanr(p, m).statistic) if ranked else None
    return Agreement(float(np.mean(np.abs(p - m) / m)), r2, rank)
