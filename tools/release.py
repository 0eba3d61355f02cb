"""Check that the published run, its metrics, the README and the shipped model belong together.

`python tools/release.py` checks, `--write` brings the README's table, fbnet/pretrained and the card
there to what results/ holds. Run it where `make repro` has just finished, then commit dvc.lock, the
metrics, the README and fbnet/pretrained: `dvc metrics diff` and `dvc exp show` in other clones
compare with them. `--best`, where `make repro PROFILE=best SET="fetch.synthetic.points=68"` has
finished, brings the shipped model of 68 points and its card alone; `--heads`, after `python -m
benchmarks.heads run`, the shipped model with heads.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PRETRAINED = ROOT / "fbnet/pretrained"
SHIPPED = {
    "export/subnet.onnx": "subnet.onnx",
    "retrain/subnet.safetensors": "subnet.safetensors",
    "retrain/architecture.json": "architecture.json",
    "search/supernet.safetensors": "supernet.safetensors",
}
"""File of results/ -> its copy in fbnet/pretrained."""
BEST = {
    "export/subnet.onnx": "subnet_68.onnx",
    "retrain/subnet.safetensors": "subnet_68.safetensors",
    "retrain/architecture.json": "architecture_68.json",
}
"""The same of the run of profile `best` with 68 points."""


def main() -> int:
    """Print each fault in a line; returns 1 if there is any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="README and fbnet/pretrained anew")
    parser.add_argument("--best", action="store_true", help="the model of 68 points anew")
    parser.add_argument("--heads", action="store_true", help="the model with heads anew")
    arguments = parser.parse_args()
    if arguments.best:
        ship_best()
        return 0
    if arguments.heads:
        ship_heads()
        return 0
    write = arguments.write
    faults = [*stale(status()), *shipped(write), *pages(write)]
    for fault in faults:
        print(f"release: {fault}", file=sys.stderr)
    return int(bool(faults))


def status() -> dict[str, Any]:
    """What `dvc status` says of each stage."""
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def stale(stages: dict[str, Any]) -> Iterator[str]:
    """Stages whose code, params or files are not those of the published run (dvc.lock)."""
    for stage, changes in stages.items():
        for change in changes if isinstance(changes, list) else []:
            for kind, files in change.items() if isinstance(change, dict) else [(change, {})]:
                names = [name for name, what in dict(files).items() if what != "deleted"]
                if names or not files:
                    yield f"{stage}: {kind}: {', '.join(names)}; make repro, then commit dvc.lock"


def table(metrics: dict[str, float]) -> str:
    """The README's table of results in Markdown, from the metrics of export and bench."""
    sys.path.insert(0, str(ROOT))
    from stages.table import COLUMNS

    row = ["searched subnet"]
    row += [shape.format(metrics[name]) for name, (_, shape) in COLUMNS.items()]
    headings = ["model", *(heading for heading, _ in COLUMNS.values())]
    floor = ["mean face", *[""] * 4, f"{metrics['mean_face_nme']:.2%}", *[""] * 4]
    rule = ["---"] * len(headings)
    lines = (f"| {' | '.join(cells)} |" for cells in (headings, rule, row, floor))
    return "".join(line.replace("%", " %") + "\n" for line in lines)


def card(metrics: dict[str, float], model: Path, params: str = "its `params.yaml`") -> str:
    """What fbnet/pretrained's README says of the run that left the model: its commit and NME."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model)
    commit = session.get_modelmeta().custom_metadata_map["commit"]
    return (
        f"Made by commit `{commit}` with {params}; the ONNX file says\n"
        "the same in its metadata, beside preprocessing and point order. "
        f"Test NME {metrics['nme']:.2%} on the rendered\n"
        f"test faces (mean face {metrics['mean_face_nme']:.2%}).\n"
    ).replace("%", " %")


def ship_best() -> None:
    """Bring the model of 68 points and its part of the card to what results/ holds."""
    sys.path.insert(0, str(ROOT))
    from fbnet.predict.model import OnnxModel

    model = ROOT / "results/export/subnet.onnx"
    if (points := OnnxModel(model).points) != 68:
        sys.exit(f"release: {model}: has {points} points; make repro as --help says, then again")
    metrics = json.loads((ROOT / "results/export/metrics.json").read_text())
    for source, name in BEST.items():
        shutil.copyfile(ROOT / "results" / source, PRETRAINED / name)
    page = PRETRAINED / "README.md"
    text = card(metrics, model, "`PROFILE=best SET=fetch.synthetic.points=68`")
    page.write_text(section("run_68").sub(lambda _: text, page.read_text()))


def ship_heads() -> None:
    """Bring the model with heads to what the benchmark trained on the shipped net."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.core import RESULTS, WORK

    digest = json.loads((RESULTS / "heads/trained.json").read_text())["digest"]
    trained = WORK / f"heads/trained-{digest}.onnx"
    if not trained.exists():
        sys.exit(f"release: {trained}: no such file; run python -m benchmarks.heads run")
    shutil.copyfile(trained, PRETRAINED / "subnet_heads.onnx")


def section(name: str) -> re.Pattern[str]:
    """What stands between the markers of a section of a page."""
    return re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end {name} -->)", re.DOTALL)


def pages(write: bool = False) -> Iterator[str]:
    """A fault for each page that does not say what results/ holds."""
    metrics = {}
    for stage in ("export", "bench"):
        path = ROOT / "results" / stage / "metrics.json"
        if not path.exists():
            yield f"{path}: no such file; run make repro"
            return
        metrics |= json.loads(path.read_text())
    for page, name, right in (
        (ROOT / "README.md", "results", table(metrics)),
        (PRETRAINED / "README.md", "run", card(metrics, ROOT / "results/export/subnet.onnx")),
    ):
        text = page.read_text()
        written = section(name).search(text)
        if not written:
            yield f"{page}: has no <!-- {name} --> and <!-- end {name} --> around that section"
        elif write:
            page.write_text(section(name).sub(lambda _, right=right: right, text))
        elif written[0] != right:
            yield f"{page}: is not of the run in results/; python tools/release.py --write"


def shipped(write: bool) -> Iterator[str]:
    """A fault for each file of fbnet/pretrained that is not the run's."""
    for source, name in SHIPPED.items():
        path, copy = ROOT / "results" / source, PRETRAINED / name
        if not path.exists():
            yield f"{path}: no such file; run make repro"
        elif write:
            shutil.copyfile(path, copy)
        elif path.read_bytes() != copy.read_bytes():
            yield f"{copy}: not that of results/; python tools/release.py --write"


if __name__ == "__main__":
    sys.exit(main())
