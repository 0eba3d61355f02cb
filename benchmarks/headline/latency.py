"""Latency of all nets in all engines, in one alternating run.

Whatever else the machine does meets them alike, so that their ratios hold.
"""

import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from benchmarks.headline.models import build
from benchmarks.headline.recipes import MODELS
from benchmarks.headline.setting import Setting
from fbnet.costs.measure import calls, machine
from fbnet.costs.timing import BURST, cpu_model, measure
from fbnet.engines import ENGINES, fixed_batch
from fbnet.export.onnx import export_onnx

REFERENCE = "lite"
POINTS = {"rendered": 106, "photographs": 68}


def latencies(setting: Setting, size: int = 112, seconds: float = 60.0) -> dict[str, Any]:
    """Median ms of each net by engine and data set, and its ratio to lite there.

    Weights do not matter to speed, so nothing has to be trained before.
    """
    files = {
        (data, model): _file(setting, model, points, size)
        for data, points in POINTS.items()
        for model in MODELS
    }
    opened = {
        (engine, *key): call for engine in ENGINES for key, call in calls(files, engine).items()
    }
    times = measure(opened, warmup=20, rounds=sys.maxsize, ci_target=0.0, max_seconds=seconds)
    rows = [
        {
            "engine": engine,
            "data": data,
            "model": model,
            "latency_ms": times[engine, data, model].median,
            "ci": times[engine, data, model].ci,
            "to_lite": times[engine, data, model].median / times[engine, data, REFERENCE].median,
        }
        for engine in ENGINES
        for data, model in files
    ]
    return {"rows": rows, **_machine(seconds)}


def by_engine(found: Mapping[str, Any], data: str, model: str) -> dict[str, dict[str, float]]:
    """`{engine: {latency_ms, to_lite}}` of one net."""
    return {
        row["engine"]: {"latency_ms": row["latency_ms"], "to_lite": row["to_lite"]}
        for row in found.get("rows", [])
        if (row["data"], row["model"]) == (data, model)
    }


def _file(setting: Setting, model: str, points: int, size: int) -> bytes:
    net = build(model, points, size, 1, setting.params.search_space, setting.choice)
    return fixed_batch(export_onnx(_worn(net), size, points, {}), 1)


def _worn(net: nn.Module) -> nn.Module:
    """Biases as after a training: the exporter drops those that are zero."""
    generator = torch.Generator().manual_seed(0)
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1, generator=generator)
    return net


def _machine(seconds: float) -> dict[str, Any]:
    protocol = {"threads": 1, "batch": 1, "burst": BURST, "interleaved": True, "seconds": seconds}
    versions = {engine: machine(engine)["version"] for engine in ENGINES}
    return {"cpu": cpu_model(), "versions": versions, "protocol": protocol}
