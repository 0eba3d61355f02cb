"""Bench: latency of the exported files here, and how well the LUT predicts whole nets.

Reads results/export, results/retrain/architecture.json and results/lut/latency.json. Leaves in
results/bench metrics.json, details.json, latency.json, variants.csv and prediction.png. All that
is timed is here, so that `export` stays deterministic.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fbnet.engines import ENGINES, EXPORTED, FULL, NotInstalled
from fbnet.errors import BadInput
from stages.results import Results
from stages.runner import run_stage

if TYPE_CHECKING:
    from fbnet.costs.latency_model import Setting
    from fbnet.costs.lut import Lut
    from fbnet.costs.timing import Timing
    from fbnet.progress import Log
    from stages.params import Params

Choice = tuple[str, ...]
Row = dict[str, Any]


def main(params: "Params", results: Results, log: "Log") -> str:
    """Time the exported files among nets sampled from the space; compare these with the LUT."""
    from fbnet import plots
    from fbnet.costs.latency_model import Setting, drift, references, sampled_choices
    from fbnet.costs.lut import check_size, cost_of, from_table, in_space
    from fbnet.costs.measure import machine
    from fbnet.costs.timing import BURST
    from fbnet.files import read_csv, read_json, write_csv, write_json

    p = params.bench
    trained = results.architecture(results.trained)
    exported = tuple(trained["choice"])
    table = read_json(results.require(results.lut("latency")))
    lut = from_table(table, params.search_space, results.lut("latency"))
    check_size(lut, trained["size"])
    if table.get("points") not in (None, trained["points"]):
        raise BadInput(
            f"{lut.source}: of nets of {table['points']} points, the trained one has "
            f"{trained['points']}; run `dvc repro lut`"
        )
    here = _setting(table)
    ran = here or Setting(EXPORTED, p.threads, 1)
    sampled = sampled_choices(params.search_space, p.nets if here else 0, p.seed)
    timed_then = references(table) if here else {}
    anchors = {net: ms for net, ms in timed_then.items() if in_space(net, lut.layers)}
    times = _timed(params, results, ran, [exported, *sampled, *anchors])

    # The nets that anchored the LUT tell how fast the machine is against then.
    slower = drift(anchors, {choice: times[choice].median for choice in anchors})
    nets = [
        {"choice": list(c), "predicted_ms": slower * cost_of(lut, c), **vars(times[c])}
        for c in (exported, *sampled)
    ]
    variants = _variant_rows(times, read_csv(results.require(results.variant_table)))
    metrics, details = _latencies(variants)
    metrics["latency_predicted_ms"] = cost_of(lut, exported)
    # With heads the file is slower than what the LUT's nets compare with: it is what was asked for.
    judged = EXPORTED if trained["heads"] and ran == Setting(EXPORTED, p.threads, 1) else exported
    metrics |= _budget(params, lut, exported, times[judged].median if here else None)
    line = f"{metrics['latency_ms']:.3f} ms a face; {cost_of(lut, exported):.3f} ms by the LUT"
    if here:
        faces = "a face" if ran.batch == 1 else f"{ran.batch} faces"
        line += f", {times[exported].median:.3f} ms measured alike ({ran.engine}, {faces} a call)"
    if sampled:
        metrics |= _agreement(params, nets[1:])
        # Of the agreement, two figures stand for all in the metrics.
        details["prediction_drift"] = slower
        details |= {name: metrics.pop(name) for name in ("prediction_r2",) if name in metrics}
        line += f"; over {len(sampled)} nets the LUT has MAPE {metrics['prediction_mape']:.1%}, "
        line += f"the machine is at {slower:.0%} of the time it took then"

    protocol = p.model_dump() | vars(ran) | {"burst": BURST, "interleaved": True}
    protocol["file_threads"] = p.threads
    timings = {"nets": nets, "unit": "ms", "protocol": protocol, **machine(ran.engine)}
    write_json(results.metrics("bench"), metrics)
    write_json(results.details("bench"), details)
    write_json(results.latencies, timings)
    write_csv(results.timed_variants, variants)
    predicted, measured = ([net[key] for net in nets] for key in ("predicted_ms", "median"))
    plots.prediction(predicted, measured, results.picture("bench", "prediction"))
    return f"{line}, in {results.latencies}"


def _setting(table: dict[str, Any]) -> "Setting | None":
    """How nets are run as the LUT's were; None, and a line, where they cannot be here."""
    from fbnet.costs.latency_model import setting
    from fbnet.progress import say

    here = setting(table)
    if here is None:
        say("bench: the LUT is not of this machine: its predictions are not checked")
    elif not ENGINES[here.engine].installed:
        say(f"bench: {here.engine} is not installed: the LUT's predictions are not checked")
        here = None
    return here


def _timed(
    params: "Params", results: Results, ran: "Setting", choices: Sequence[Choice]
) -> "dict[str | Choice, Timing]":
    """Time exported files by name and whole nets by choice, all in turn; the first is exported."""
    from fbnet.costs.measure import calls, net_model
    from fbnet.costs.timing import Call, call_of, measure
    from fbnet.engines import fixed_batch, variants
    from fbnet.export.variants import published
    from fbnet.progress import say

    p, trained = params.bench, results.architecture(results.trained)
    points, size = trained["points"], trained["size"]
    onnx = results.require(results.onnx).read_bytes()

    # The exported files that run here, each in its engine, on one face.
    models = published(results.variants) | {EXPORTED: {".onnx": onnx}}
    engines = {name: variant.engine for name, variant in variants().items()}
    engines[EXPORTED] = ENGINES[EXPORTED]
    files: dict[str | Choice, Call] = {}
    for name, model in models.items():
        if engines[name].runs_here:
            try:
                opened = engines[name].open(model, p.threads)
            except NotInstalled as error:
                say(f"bench: {name} is left out: {error}")
            else:
                files[name] = call_of(opened, (1, 3, size, size), p.seed)

    # Whole nets, as the LUT's own were run: without heads.
    nets: dict[str | Choice, bytes] = {}
    if not trained.get("heads"):
        nets[choices[0]] = fixed_batch(onnx, ran.batch)
    for choice in choices:
        if choice not in nets:
            nets[choice] = net_model(params.search_space, points, choice, size, batch=ran.batch)
    return measure(
        files | calls(nets, ran.engine, ran.threads, p.seed),
        warmup=p.warmup,
        rounds=sys.maxsize,  # as many as the time holds
        ci_target=0.0,
        max_seconds=p.seconds,
    )


def _variant_rows(
    times: "Mapping[str | Choice, Timing]", exported: Sequence[dict[str, str]]
) -> list[Row]:
    """Each exported file that was timed: its row of the export stage, and its latency in ms."""
    onnx = times[EXPORTED].median
    return [
        {key: row[key] for key in ("variant", "engine", "precision", "size_kb", "nme")}
        | {"latency_ms": timing.median, "ratio": timing.median / onnx}
        | {name: getattr(timing, name) for name in ("n", "min", "mean", "std", "ci")}
        for row in exported
        if (timing := times.get(row["variant"]))
    ]


def _latencies(variants: Sequence[Row]) -> tuple[dict[str, float], dict[str, float]]:
    """Metrics and details: `latency_ms` is the ONNX file's, `latency_ms_NAME` another's.

    Those of files in full precision are metrics, those of files in fewer bits details.
    """
    metrics: dict[str, float] = {}
    details: dict[str, float] = {}
    for row in variants:
        name = "" if row["variant"] == EXPORTED else f"_{row['variant']}"
        figures = metrics if row["precision"] == FULL else details
        figures[f"latency_ms{name}"] = row["latency_ms"]
        if row["variant"] == EXPORTED:
            details |= {"latency_ms_min": row["min"], "latency_ms_std": row["std"]}
    return metrics, details


def _agreement(params: "Params", nets: Sequence[Row]) -> dict[str, float]:
    """How well the LUT predicts `nets`; warns where it predicts badly."""
    from fbnet.costs.latency_model import agreement
    from fbnet.progress import say

    result = agreement([net["predicted_ms"] for net in nets], [net["median"] for net in nets])
    if warning := result.warning(params.bench.mape_warn, params.bench.spearman_warn):
        say(f"bench: {warning}")
    return result.metrics()


def _budget(
    params: "Params", lut: "Lut", exported: Choice, measured: float | None
) -> dict[str, float]:
    """Latency against `search.target_ms`: as measured, or as a device's LUT has it."""
    from fbnet.costs.lut import cost_of
    from fbnet.progress import say
    from fbnet.search.cost import budget, verdict

    limit = budget(lut, params.search) if params.search.cost == "latency" else None
    if limit is None:
        return {}
    latency = measured or cost_of(lut, exported) * (1 + lut.error)
    say(f"bench: {verdict(limit, latency, lut)}")
    return {"latency_target_ms": limit.target, "latency_over_target": latency / limit.target - 1}


if __name__ == "__main__":
    run_stage("bench", main)
