"""Bench: latency of the exported file here, and how well the latency table predicted it.

Reads results/export/subnet.onnx, results/retrain/architecture.json and results/lut/latency.json.
Leaves in results/bench metrics.json, details.json, latency.json and prediction.png. Everything
that is timed is here, so that `export` stays deterministic.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages import paths
from stages.runner import run_stage

if TYPE_CHECKING:
    from fbnet.params import Params
    from fbnet.progress import Log


def main(params: "Params", out: Path, log: "Log") -> str:
    """Time the exported file among nets sampled from the space, and compare with the table."""
    from fbnet import plots
    from fbnet.deploy.prediction import comparable
    from fbnet.files import read_json, write_json
    from fbnet.progress import say

    table, found, p = read_json(paths.lut("latency")), read_json(paths.TRAINED), params.bench
    same = comparable(table, p.threads)
    nets = _timed(params, found, sampled=p.nets if same else 0)
    figures = _figures(nets, same)
    write_json(out / "metrics.json", figures)
    write_json(out / "details.json", {f"latency_ms_{k}": nets[0][k] for k in ("min", "std")})
    write_json(out / "latency.json", {"nets": nets, **_machine(params)})
    predicted, measured = ([net[key] for net in nets] for key in ("predicted_ms", "median"))
    plots.prediction(predicted, measured, out / "prediction.png")
    if not same:
        say("bench: the latency table is not of this machine and its threads: nothing to compare")
    return (
        f"bench: {figures['latency_ms']:.3f} ms a face, {figures['latency_predicted_ms']:.3f} ms "
        f"by the table, in {out}/latency.json"
    )


def _timed(params: "Params", found: Any, sampled: int) -> list[dict[str, Any]]:
    """The exported net first, then sampled ones: choice, prediction and timing in ms of each."""
    from fbnet.deploy.latency import net_model
    from fbnet.deploy.prediction import sampled_choices
    from fbnet.deploy.timing import measure, ort_call
    from fbnet.search.lut import cost_of, from_json

    space, p = params.search_space, params.bench
    table = from_json(paths.lut("latency"), space)
    choices = sampled_choices(space, sampled, p.seed)
    models: list[bytes | Path] = [
        paths.EXPORTED,
        *(net_model(space, found["points"], c, found["size"]) for c in choices),
    ]
    calls = {i: ort_call(model, p.threads, p.seed) for i, model in enumerate(models)}
    timings = measure(
        calls,
        warmup=p.warmup,
        rounds=sys.maxsize,  # as many as the time holds
        ci_target=0.0,
        max_seconds=p.seconds,
    )
    return [
        {"choice": list(choice), "predicted_ms": cost_of(table, choice), **vars(timings[i])}
        for i, choice in enumerate([found["choice"], *choices])
    ]


def _figures(nets: list[dict[str, Any]], comparable: bool) -> dict[str, float]:
    from fbnet.deploy.prediction import agreement

    exported = nets[0]
    figures = {
        "latency_ms": exported["median"],
        "latency_predicted_ms": exported["predicted_ms"],
    }
    if comparable:
        found = agreement([n["predicted_ms"] for n in nets], [n["median"] for n in nets])
        figures["prediction_mape"] = found.mape
        if found.spearman is not None:
            figures["prediction_spearman"] = found.spearman
    return figures


def _machine(params: "Params") -> dict[str, Any]:
    import onnxruntime

    from fbnet.deploy.timing import BURST, cpu_model

    protocol = params.bench.model_dump() | {"burst": BURST, "interleaved": True, "batch": 1}
    return {
        "unit": "ms",
        "engine": "onnxruntime",
        "version": onnxruntime.__version__,
        "cpu": cpu_model(),
        "protocol": protocol,
    }


if __name__ == "__main__":
    sys.exit(run_stage("bench", main))
