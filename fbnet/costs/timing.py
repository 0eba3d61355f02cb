"""Times loaded models fairly. A kit carries this module: it needs numpy only."""

import math
import platform
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from fbnet.engines.base import Session
from fbnet.errors import safe_point

Call = Callable[[], object]
K = TypeVar("K", bound=Hashable)

BURST = 10
"""Runs of one model in a row, after one that is not timed; their median is one sample."""
CHECK_EVERY = 20
"""Rounds between looks at the confidence intervals."""


@dataclass(frozen=True)
class Timing:
    """Latency of one model in ms; a sample is the median of BURST runs in a row."""

    n: int
    """Samples, one a round."""
    min: float
    median: float
    mean: float
    std: float
    ci: float
    """Half width of the median's 95 % confidence interval, as a share of the median."""

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Timing":
        """Summarise at least one sample, in ms."""
        return cls(
            n=len(samples),
            min=min(samples),
            median=statistics.median(samples),
            mean=statistics.fmean(samples),
            std=statistics.pstdev(samples),
            ci=_median_ci(samples),
        )


def _median_ci(samples: Sequence[float]) -> float:
    """Order statistics around the middle hold the median with 95 %, whatever the distribution."""
    ordered, n = sorted(samples), len(samples)
    reach = math.ceil(0.98 * math.sqrt(n))
    low, high = ordered[max(0, n // 2 - reach)], ordered[min(n - 1, n // 2 + reach)]
    return (high - low) / 2 / statistics.median(ordered)


def measure(
    calls: Mapping[K, Call], *, warmup: int, rounds: int, ci_target: float, max_seconds: float
) -> dict[K, Timing]:
    """Time every call, in turn and again, so that a drift of the machine meets all alike.

    Stops after `rounds` once every median's confidence interval is within `ci_target` (a share),
    or after `max_seconds`; at least one round is always done.
    """
    for call in calls.values():
        safe_point()
        for _ in range(warmup):
            call()
    samples: dict[K, list[float]] = {key: [] for key in calls}
    end = time.monotonic() + max_seconds
    done, settled = 0, False
    while done == 0 or (time.monotonic() < end and not settled):
        for key, call in calls.items():
            safe_point()
            samples[key].append(_burst_ms(call))
        done += 1
        if done >= rounds and (done - rounds) % CHECK_EVERY == 0:
            settled = all(_median_ci(values) <= ci_target for values in samples.values())
    return {key: Timing.of(values) for key, values in samples.items()}


def _burst_ms(call: Call) -> float:
    clock = time.perf_counter_ns
    call()  # brings code and weights back into the caches after the other models' turns
    runs = []
    for _ in range(BURST):
        start = clock()
        call()
        runs.append(clock() - start)
    return statistics.median(runs) / 1e6


def call_of(session: Session, shape: Sequence[int], seed: int = 0) -> Call:
    """A call that runs a loaded model once on a fixed input of `shape`, drawn from `seed`."""
    fixed = np.random.default_rng(seed).random(tuple(shape), np.float32)
    return lambda: session(fixed)


def cpu_model() -> str:
    """The processor's name as the system gives it, or else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), "") or platform.processor() or platform.machine()
