"""Times loaded models fairly. A kit carries this module: it needs numpy only."""

import math
import platform
import statistics
import subprocess
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
CORE = ("implementer", "part")
"""Fields of a core in an ARM kernel's /proc/cpuinfo that say what it is."""


FEWEST = 6
"""Samples from which on an interval holds the median with 95 %: all of five do so with 94 %."""


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
    """Order statistics around the middle hold the median with 95 %, whatever the distribution.

    Fewer than `FEWEST` samples say nothing of how far the median is known: 1.
    """
    ordered, n = sorted(samples), len(samples)
    if n < FEWEST:
        return 1.0
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


def cpu_model(root: Path = Path("/")) -> str:
    """The board's name where it has one, the processor's, or those of the parts of its cores.

    Kernels on ARM name the architecture at most, but boards have a device tree, and each core its
    designer and part number. `root` holds `proc`.
    """
    if board := _text(root / "proc/device-tree/model").strip("\0 \n"):
        return board
    cpuinfo = _text(root / "proc/cpuinfo").splitlines()
    pairs = [(key.strip(), value.strip()) for key, _, value in (s.partition(":") for s in cpuinfo)]
    if name := next((value for key, value in pairs if key == "model name" and value), ""):
        return name
    parts = zip(*([v for k, v in pairs if k == f"CPU {field}"] for field in CORE), strict=False)
    if cores := sorted({" ".join(part) for part in parts}):
        return f"{platform.machine()} {', '.join(cores)}"
    return _apple_chip() or platform.processor() or platform.machine()


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _apple_chip() -> str:
    if platform.system() != "Darwin":
        return ""
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
