"""Bench: latency of the exported files here, and how well the latency table predicts whole nets.

Reads results/export, results/retrain/architecture.json and results/lut/latency.json. Leaves in
results/bench metrics.json, details.json, latency.json, variants.csv and prediction.png. Everything
that is timed is here, so that `export` stays deterministic.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages import paths
from stages.runner import run_stage

if TYPE_CHECKING:
    from fbnet.costs.lut import Lut
    from fbnet.costs.prediction import Setting
    from fbnet.costs.timing import Call, Timing
    from fbnet.params import BenchParams
    from fbnet.progress import Log
    from stages.params import Params

Choice = tuple[str, ...]
EXACT = "onnx"
"""The exported file that the others are compared with."""
HEADLINE = (EXACT, "mnn", "ncnn")
"""Exported files whose latency is among the headline metrics: each engine's in full precision."""
BEHIND = ("prediction_drift", "prediction_r2")
"""What stands behind the headline metrics of the prediction, with the details."""


def main(params: "Params", out: Path, log: "Log") -> str:
    """Time the exported files among nets sampled from the space; compare these with the table."""
    from fbnet import plots
    from fbnet.costs.lut import cost_of, from_table
    from fbnet.costs.prediction import Setting, drift, references, sampled_choices, setting
    from fbnet.files import read_json, write_csv, write_json
    from fbnet.progress import say

    table, found, p = read_json(paths.lut("latency")), read_json(paths.TRAINED), params.bench
    lut = from_table(table, params.search_space, paths.lut("latency"))
    here = setting(table)
    if here is None:
        say("bench: the latency table is not of this machine: its predictions are not checked")
    ran = here or Setting("onnxruntime", p.threads, 1)
    choices = sampled_choices(params.search_space, p.nets if here else 0, p.seed)
    anchors = references(table) if here else {}
    times = _timed(params, found, ran, [*choices, *anchors])

    exported = tuple(found["choice"])
    slower = drift(anchors, {choice: times[choice].median for choice in anchors})
    nets = [
        {"choice": list(c), "predicted_ms": slower * cost_of(lut, c), **vars(times[c])}
        for c in (exported, *choices)
    ]
    files = _files(times)
    figures = _latencies(files, HEADLINE) | {"latency_predicted_ms": cost_of(lut, exported)}
    if choices:
        figures |= {"prediction_drift": slower} | _agreement(p, nets[1:])
    figures |= _budget(params, lut, exported, times[exported].median if here else None)
    line = _line(figures, len(choices))
    details = _details(files) | {name: figures.pop(name) for name in BEHIND if name in figures}
    write_json(out / "metrics.json", figures)
    write_json(out / "details.json", details)
    write_csv(out / "variants.csv", files)
    write_json(out / "latency.json", {"nets": nets, **_protocol(params, ran)})
    predicted, measured = ([net[key] for net in nets] for key in ("predicted_ms", "median"))
    plots.prediction(predicted, measured, out / "prediction.png")
    return f"bench: {line}, in {out}/latency.json"


def _budget(
    params: "Params", lut: "Lut", exported: Choice, measured: float | None
) -> dict[str, float]:
    """Latency against `search.target_ms`: as measured, or as a device's table has it."""
    from fbnet.costs.lut import cost_of
    from fbnet.progress import say
    from fbnet.search.budget import budget, verdict

    found = budget(lut, params.search) if params.search.cost == "latency" else None
    if found is None:
        return {}
    latency = measured or cost_of(lut, exported) * (1 + lut.error)
    say(f"bench: {verdict(found, latency, lut)}")
    return {"latency_target_ms": found.target, "latency_over_target": latency / found.target - 1}


def _line(figures: dict[str, float], sampled: int) -> str:
    line = "{latency_ms:.3f} ms a face, {latency_predicted_ms:.3f} ms by the table"
    if sampled:
        line += f"; over {sampled} nets the table has MAPE {{prediction_mape:.1%}}"
        line += ", the machine is at {prediction_drift:.0%} of the time it took then"
    return line.format_map(figures)


def _timed(
    params: "Params",
    found: Any,
    ran: "Setting",
    choices: list[Choice],
) -> "dict[str | Choice, Timing]":
    """Files by name and whole nets by choice, all in turn; the exported net is one of these."""
    from fbnet.costs.latency import calls, net_model
    from fbnet.costs.timing import measure
    from fbnet.engines.convert import fixed_batch

    p, space, size = params.bench, params.search_space, found["size"]
    nets = {tuple(found["choice"]): fixed_batch(paths.EXPORTED.read_bytes(), ran.batch)}
    for choice in choices:
        if choice not in nets:
            nets[choice] = net_model(space, found["points"], choice, size, batch=ran.batch)
    return measure(
        {**_file_calls(params, size), **calls(nets, ran.engine, ran.threads, p.seed)},
        warmup=p.warmup,
        rounds=sys.maxsize,  # as many as the time holds
        ci_target=0.0,
        max_seconds=p.seconds,
    )


def _file_calls(params: "Params", size: int) -> "dict[str | Choice, Call]":
    """The exported files by name, each in its engine, on one face."""
    from fbnet.costs.timing import call_of
    from fbnet.engines import ENGINES
    from fbnet.export.variants import VARIANTS, published

    p, models = params.bench, published(paths.VARIANTS)
    engines = {name: VARIANTS[name].engine for name in models} | {EXACT: "onnxruntime"}
    models[EXACT] = {".onnx": paths.EXPORTED.read_bytes()}
    return {
        name: call_of(ENGINES[engines[name]].open(model, p.threads), (1, 3, size, size), p.seed)
        for name, model in models.items()
    }


def _files(times: "Mapping[str | Choice, Timing]") -> list[dict[str, Any]]:
    """Of each exported file that was timed: what export says of it, and its latency."""
    from fbnet.files import read_csv

    exact = times[EXACT].median
    return [
        {key: row[key] for key in ("variant", "engine", "precision", "size_kb", "nme")}
        | {"latency_ms": timing.median, "ratio": timing.median / exact}
        | {name: getattr(timing, name) for name in ("n", "min", "mean", "std", "ci")}
        for row in read_csv(paths.VARIANT_TABLE)
        if (timing := times.get(row["variant"]))
    ]


def _latencies(files: list[dict[str, Any]], names: Sequence[str]) -> dict[str, float]:
    """Latency by variant: `latency_ms` is the ONNX file's, the others' names stand behind it."""
    return {
        "latency_ms" if row["variant"] == EXACT else f"latency_ms_{row['variant']}": row[
            "latency_ms"
        ]
        for row in files
        if row["variant"] in names
    }


def _details(files: list[dict[str, Any]]) -> dict[str, float]:
    """What stands behind the figures: the ONNX file's spread, and the files in fewer bits."""
    exact = next(row for row in files if row["variant"] == EXACT)
    rest = [row["variant"] for row in files if row["variant"] not in HEADLINE]
    return {f"latency_ms_{name}": exact[name] for name in ("min", "std")} | _latencies(files, rest)


def _agreement(p: "BenchParams", nets: list[dict[str, Any]]) -> dict[str, float]:
    """Figures of the prediction; says so where the table predicts badly."""
    from fbnet.costs.prediction import agreement
    from fbnet.progress import say

    found = agreement([net["predicted_ms"] for net in nets], [net["median"] for net in nets])
    if warning := found.warning(p.mape_warn, p.spearman_warn):
        say(f"bench: {warning}")
    return found.metrics()


def _protocol(params: "Params", ran: "Setting") -> dict[str, Any]:
    """How the whole nets were timed; the files are timed alike, with bench.threads and one face."""
    from fbnet.costs.latency import machine
    from fbnet.costs.timing import BURST

    stated = params.bench.model_dump() | vars(ran) | {"burst": BURST, "interleaved": True}
    return {"unit": "ms", "protocol": stated, **machine(ran.engine)}


if __name__ == "__main__":
    sys.exit(run_stage("bench", main))
