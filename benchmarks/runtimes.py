"""The shipped model in every engine: file, size, parity, NME and latency on this machine.

`run` converts fbnet/pretrained to every variant whose engine is installed (`make engines` installs
all), runs each on test faces, one a call, and times those that run here in turn. int8 is calibrated
on training faces of the same set. `table` writes docs/device.md.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.core import DOCS, Benchmark, Summary
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import table
from fbnet.engines import ENGINES, EXPORTED, FULL, SYSTEMS, variants
from fbnet.predict.landmarker import PRETRAINED as MODEL

PARITY_FACES, CALIBRATION_FACES = 32, 256
TOLERANCE, GROWTH = 1e-5, 0.02
"""As the export's defaults have them."""
SECONDS = 30.0


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """One job: all files are timed in turn, so that what else the machine does meets all alike."""
    from benchmarks.core.faces import identity, load_faces
    from fbnet.files import digest

    installed = [name for name, variant in variants().items() if variant.engine.installed]
    setting = {
        "model": digest(MODEL),
        "faces": identity(load_faces(given.faces, ledger.work)),
        "versions": {
            variants()[name].engine.name: variants()[name].engine.version() for name in installed
        },
        "variants": installed,
    }
    return [Job("files", setting, measured, given.faces)]


def measured(job: Job, ledger: Ledger) -> dict[str, Any]:
    """A row for each file, and the processor."""
    from benchmarks.core.faces import load_faces
    from fbnet.costs.timing import call_of, cpu_model, measure
    from fbnet.export.onnx import landmarks
    from fbnet.export.variants import Trial, calibration
    from fbnet.files import read_json
    from fbnet.metrics import nme
    from fbnet.nets.pfld import build_subnet
    from fbnet.params import NNI_SPACE
    from fbnet.predict.model import OnnxModel
    from fbnet.progress import say
    from fbnet.training.checkpoints import load_weights

    faces, data = load_faces(job.inputs, ledger.work), MODEL.read_bytes()
    chosen = read_json(MODEL.with_name("architecture.json"))
    net = build_subnet(NNI_SPACE, chosen["points"], chosen["choice"], chosen["size"])
    net.load_state_dict(load_weights(MODEL.with_suffix(".safetensors")))
    test = faces.indices("test")
    exact = landmarks(net, faces.crops(test[:PARITY_FACES]))
    predicted = OnnxModel(data).predict(faces.crops(test))
    error = float(nme(predicted, faces.landmarks[test], faces.scheme).mean())
    trial = Trial(faces, exact, error, TOLERANCE, GROWTH)
    inputs = calibration(faces, CALIBRATION_FACES)
    parity = float(abs(predicted[:PARITY_FACES] - exact).max())
    exported = {"variant": EXPORTED, "engine": EXPORTED, "precision": FULL, "parity": parity}
    rows: list[dict[str, Any]] = [
        exported | {"size_kb": len(data) / 1024, "nme": error, "fault": ""}
    ]
    sessions = {EXPORTED: ENGINES[EXPORTED].open({".onnx": data})}
    for name in job.setting["variants"]:
        say(f"runtimes: {name}")
        model, row = trial.run(name, data, inputs)
        rows.append(row)
        if model and variants()[name].engine.runs_here:
            sessions[name] = variants()[name].engine.open(model)
    shape = (1, 3, chosen["size"], chosen["size"])
    calls = {name: call_of(session, shape, 0) for name, session in sessions.items()}
    times = measure(calls, warmup=20, rounds=sys.maxsize, ci_target=0.0, max_seconds=SECONDS)
    for row in rows:
        if timing := times.get(row["variant"]):
            row |= {"latency_ms": timing.median, "latency_ms_min": timing.min}
    return {"rows": rows, "cpu": cpu_model(), "versions": job.setting["versions"]}


def summary(ledger: Ledger) -> Summary:
    """A line for each file."""
    results: Mapping[str, Any] = ledger.results()
    if "files" not in results:
        return Summary({})
    result = results["files"]
    lines = [_line(row, result["versions"]) for row in result["rows"]]
    return Summary(result, {DOCS / "device.md": {"runtimes": table(lines)}})


def _line(row: Mapping[str, Any], versions: Mapping[str, str]) -> dict[str, str]:
    if row["variant"] == EXPORTED:
        engine, suffixes = ENGINES[EXPORTED], ENGINES[EXPORTED].suffixes
    else:
        engine = variants()[row["variant"]].engine
        suffixes = tuple(variants()[row["variant"]].files(Path()))
    version = f"{engine.distribution} {versions[engine.name]}"
    how = version if engine.runs_here else f"{version}; converted, runs on {SYSTEMS[engine.system]}"
    return {
        "variant": f"`{row['variant']}`",
        "file": ", ".join(f"`{suffix}`" for suffix in suffixes),
        "size KB": f"{row['size_kb']:.0f}" if "size_kb" in row else "",
        "parity": f"{row['parity']:.0e}" if "parity" in row else "",
        "NME": f"{row['nme']:.2%}" if "nme" in row else "",
        "latency ms": f"{row['latency_ms']:.3f}" if "latency_ms" in row else "",
        "least": f"{row['latency_ms_min']:.3f}" if "latency_ms_min" in row else "",
        "run in": row["fault"] or how,
    }


def options(parser: argparse.ArgumentParser) -> None:
    """Where the faces lie."""
    parser.add_argument(
        "--faces", type=Path, default=Path("results/fetch/faces"), metavar="FOLDER",
        help="labelled faces with a test part (%(default)s)",
    )  # fmt: skip


BENCHMARK = Benchmark("runtimes", __doc__, jobs, summary, options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
