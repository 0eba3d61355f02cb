"""Check that the published run, its metrics, the README and the shipped model belong together.

`python tools/release.py` checks, `--write` brings the README's table, fbnet/pretrained and the card
there to what results/ holds. Run it where `make repro` has just finished, then commit dvc.lock, the
metrics, the README and fbnet/pretrained: `dvc metrics diff` and `dvc exp show` in other clones
compare with them.
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
HEADINGS = "model|parameters|MACs|size KB|latency ms|NME|FR 0.08|FR 0.10|AUC 0.08|AUC 0.10"


def main() -> int:
    """Print each fault in a line; returns 1 if there is any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="README and fbnet/pretrained anew")
    write = parser.parse_args().write
    faults = [*stale(status()), *shipped(write), *pages(ROOT, write)]
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
    m = metrics
    row = [
        "searched subnet", f"{m['params']:,}", f"{m['macs']:,}", f"{m['size_kb']:.0f}",
        f"{m['latency_ms']:.3f}", f"{m['nme']:.2%}", f"{m['fr_08']:.2%}", f"{m['fr_10']:.2%}",
        f"{m['auc_08']:.3f}", f"{m['auc_10']:.3f}",
    ]  # fmt: skip
    headings = HEADINGS.split("|")
    floor = ["mean face", *[""] * 4, f"{m['mean_face_nme']:.2%}", *[""] * 4]
    rule = ["---"] * len(headings)
    lines = (f"| {' | '.join(cells)} |" for cells in (headings, rule, row, floor))
    return "".join(line.replace("%", " %") + "\n" for line in lines)


def card(metrics: dict[str, float], model: Path) -> str:
    """What fbnet/pretrained's README says of the run that left the model: its commit and NME."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model)
    commit = session.get_modelmeta().custom_metadata_map["commit"]
    return (
        f"Made by commit `{commit}` with its `params.yaml`; the ONNX file says\n"
        "the same in its metadata, beside preprocessing and point order. "
        f"Test NME {metrics['nme']:.2%} on the rendered\n"
        f"test faces (mean face {metrics['mean_face_nme']:.2%}).\n"
    ).replace("%", " %")


def section(name: str) -> re.Pattern[str]:
    """What stands between the markers of a section of a page."""
    return re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end {name} -->)", re.DOTALL)


def pages(root: Path, write: bool = False) -> Iterator[str]:
    """A fault for each page that does not say what results/ holds."""
    metrics = {}
    for stage in ("export", "bench"):
        path = root / "results" / stage / "metrics.json"
        if not path.exists():
            yield f"{path}: no such file; run make repro"
            return
        metrics |= json.loads(path.read_text())
    for page, name, right in (
        (root / "README.md", "results", table(metrics)),
        (PRETRAINED / "README.md", "run", card(metrics, root / "results/export/subnet.onnx")),
    ):
        text = page.read_text()
        if not section(name).search(text):
            yield f"{page}: has no <!-- {name} --> and <!-- end {name} --> around that section"
        elif write:
            page.write_text(section(name).sub(lambda _, right=right: right, text))
        elif right not in text:
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
