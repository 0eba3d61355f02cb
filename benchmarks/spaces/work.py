"""The jobs' work that is not of other benchmarks: spaces by name, and nets timed in turn."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.core import ROOT
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.nas_table import FACES
from benchmarks.spaces import TIMING
from fbnet.costs.measure import calls, machine, net_model
from fbnet.costs.timing import measure
from fbnet.params import NNI_SPACE, SpaceParams
from stages.params import read_yaml

PROFILE = ROOT / "profiles/mobile.yaml"


@dataclass(frozen=True)
class Stated:
    """An architecture: its space, the block of each layer, the side of its input in pixels."""

    space: SpaceParams
    choice: tuple[str, ...]
    size: int


def spaces() -> dict[str, SpaceParams]:
    """NNI's space and those of the profile `mobile`, by name."""
    stated = read_yaml(PROFILE, plain=True)["spaces"]
    return {"nni": NNI_SPACE, **{name: SpaceParams(**space) for name, space in stated.items()}}


def time_all(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Median latency in ms of each net of `job.inputs`, timed in turn."""
    nets: Mapping[str, Stated] = job.inputs
    engine, points = job.setting["engine"], FACES["synthetic"]["points"]
    models = {n: net_model(net.space, points, net.choice, net.size) for n, net in nets.items()}
    timed = measure(calls(models, engine), **TIMING)
    medians = {name: timing.median for name, timing in timed.items()}
    return {"latency_ms": medians, **machine(engine)}
