"""Check that the published run, its metrics, the README and the shipped model belong together.

`python tools/release.py` checks, `--write` brings the README's table and fbnet/pretrained to what
results/ holds. Run it where `make repro` has just finished, then commit dvc.lock, the metrics, the
README and fbnet/pretrained: `dvc metrics diff` and `dvc exp show` in other clones compare with
them.
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
TABLE = re.compile(r"(?<=<!-- results -->\n).*?(?=<!-- end results -->)", re.DOTALL)
HEADINGS = "model|parameters|MACs|size KB|latency ms|NME|FR 0.08|FR 0.10|AUC 0.08|AUC 0.10"


def main() -> int:
    """Print each fault in a line; returns 1 if there is any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="README and fbnet/pretrained anew")
    write = parser.parse_args().write
    faults = [*stale(status()), *readme(ROOT, write), *shipped(write)]
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


def readme(root: Path, write: bool = False) -> Iterator[str]:
    """A fault if the README's table is not that of the metrics in results/."""
    page, metrics = root / "README.md", {}
    for stage in ("export", "bench"):
        path = root / "results" / stage / "metrics.json"
        if not path.exists():
            yield f"{path}: no such file; run make repro"
            return
        metrics |= json.loads(path.read_text())
    text, right = page.read_text(), table(metrics)
    if not TABLE.search(text):
        yield f"{page.name}: has no <!-- results --> and <!-- end results --> around its table"
    elif write:
        page.write_text(TABLE.sub(lambda _: right, text))
    elif right not in text:
        yield f"{page.name}: its table is not that of results/; python tools/release.py --write"


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
