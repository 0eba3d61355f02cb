"""Check that the published run, its metrics, the README and the shipped models' cards agree.

`python tools/release.py` checks, `--write` brings the README's table to what results/ holds. Run it
where `make repro` has just finished, then commit dvc.lock, the metrics and the README: `dvc metrics
diff` and `dvc exp show` in other clones compare with them. `--ship`, where a run of HOW has
finished, brings the shipped model of its points and its card; `--heads`, after `python -m
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
CARD = PRETRAINED / "README.md"
SUBNET = {
    "export/subnet.onnx": "subnet{}.onnx",
    "retrain/subnet.safetensors": "subnet{}.safetensors",
    "retrain/architecture.json": "architecture{}.json",
}
"""File of results/ -> its copy in fbnet/pretrained, {} being the suffix of the model."""
FILES = {106: SUBNET | {"search/supernet.safetensors": "supernet.safetensors"}, 68: SUBNET}
SUFFIX = {106: "", 68: "_68"}
HOW = {106: "PROFILE=best", 68: "PROFILE=best SET=fetch.synthetic.points=68"}
"""By points of a shipped model: its files, the suffix of their names, what made it with make."""


def main() -> int:
    """Print each fault in a line; returns 1 if there is any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="the README's table anew")
    parser.add_argument("--ship", action="store_true", help="a shipped model and its card anew")
    parser.add_argument("--heads", action="store_true", help="the model with heads anew")
    arguments = parser.parse_args()
    if arguments.ship:
        ship()
        return 0
    if arguments.heads:
        ship_heads()
        return 0
    faults = [*stale(status()), *published(arguments.write), *cards()]
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


def ship() -> None:
    """Bring a shipped model and its part of the card to what results/ holds."""
    points = json.loads((ROOT / "results/retrain/architecture.json").read_text())["points"]
    if points not in FILES:
        sys.exit(f"release: the model of results/ has {points} points; shipped are 106 and 68")
    metrics = json.loads((ROOT / "results/export/metrics.json").read_text())
    for source, name in FILES[points].items():
        shutil.copyfile(ROOT / "results" / source, PRETRAINED / name.format(SUFFIX[points]))
    text = (
        f"Made by commit `{commit_of(points)}` with `{HOW[points]}`; the ONNX file says\n"
        "the same in its metadata, beside preprocessing and point order. "
        f"Test NME {metrics['nme']:.2%} on the rendered\n"
        f"test faces (mean face {metrics['mean_face_nme']:.2%}).\n"
    ).replace("%", " %")
    CARD.write_text(section(f"run{SUFFIX[points]}").sub(lambda _: text, CARD.read_text()))


def commit_of(points: int) -> str:
    """Commit that made a shipped model, by its metadata."""
    import onnxruntime

    session = onnxruntime.InferenceSession(PRETRAINED / f"subnet{SUFFIX[points]}.onnx")
    return str(session.get_modelmeta().custom_metadata_map["commit"])


def cards() -> Iterator[str]:
    """A fault for each shipped model whose card names another commit than the model does."""
    for points, suffix in SUFFIX.items():
        written = section(f"run{suffix}").search(CARD.read_text())
        if not written or f"commit `{commit_of(points)}`" not in written[0]:
            yield f"{CARD}: is not of the model of {points} points; python tools/release.py --ship"


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


def published(write: bool = False) -> Iterator[str]:
    """A fault where the README's table is not of the run in results/."""
    metrics: dict[str, float] = {}
    for stage in ("export", "bench"):
        path = ROOT / "results" / stage / "metrics.json"
        if not path.exists():
            yield f"{path}: no such file; run make repro"
            return
        metrics |= json.loads(path.read_text())
    page, right = ROOT / "README.md", table(metrics)
    text = page.read_text()
    written = section("results").search(text)
    if not written:
        yield f"{page}: has no <!-- results --> and <!-- end results --> around that section"
    elif write:
        page.write_text(section("results").sub(lambda _: right, text))
    elif written[0] != right:
        yield f"{page}: is not of the run in results/; python tools/release.py --write"


if __name__ == "__main__":
    sys.exit(main())
