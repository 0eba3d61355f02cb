"""What runs read of the result files: numbers, digests, and which stages are up to date."""

import csv
import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from fbnet.files import digest, read_json
from stages.params import Params, leaves, lookup, params_of, read_yaml
from stages.results import Results
from stages.revision import PACKAGES

PRIVATE = frozenset({"preview.png", "faces.png", "worst.png", "errors.csv"})
"""They show or name people: they stay on this machine, whatever the tracking server."""
STAGES = ("fetch", "lut", "search", "retrain", "export", "bench", "report")
STEP_COLUMNS = ("epoch", "step")
BYTE_CODE = "__pycache__"
"""Byte code is no input of a stage; .dvcignore leaves it out as well."""


def recorded_files(results: Results, stage: str) -> list[Path]:
    """The small result files of a stage that a run keeps: tables and charts, no faces, no nets."""
    return sorted(
        path
        for path in results.folder(stage).glob("*")
        if path.suffix in {".json", ".csv", ".png"} and path.name not in PRIVATE
    )


def shown_files(results: Results, stage: str, rendered: bool) -> list[Path]:
    """Of those, what the parent run shows; with pictures of the faces where they are `rendered`."""
    paths = {p for p in recorded_files(results, stage) if p.suffix in {".json", ".png"}}
    if rendered:
        paths |= {p for p in results.folder(stage).glob("*.png") if p.name in PRIVATE}
    return sorted(paths)


def results_digest(results: Results, stage: str) -> str:
    """md5 over the recorded files: equal for the run that made them and for one that reads them."""
    record = [(path.name, digest(path, "md5")) for path in recorded_files(results, stage)]
    return hashlib.md5(json.dumps(record).encode()).hexdigest()


def numbers(results: Results, stage: str) -> dict[str, float]:
    """Numbers of the stage's metrics and details, nested ones as `outer.inner`; {} without both."""
    paths = results.metrics(stage), results.details(stage)
    values = {k: v for path in paths if path.exists() for k, v in leaves(read_json(path))}
    return {k: float(v) for k, v in values.items() if type(v) in (int, float)}


def history(results: Results, stage: str) -> Iterator[tuple[int, dict[str, float]]]:
    """(step, figures) of each row of the stage's history; nothing without the file."""
    path = results.history(stage)
    if not path.exists():
        return
    with open(path, newline="") as stream:
        for index, row in enumerate(csv.DictReader(stream)):
            cells = {name: _number(text) for name, text in row.items()}
            figures = {name: value for name, value in cells.items() if value is not None}
            step = next((figures.pop(name) for name in STEP_COLUMNS if name in figures), index)
            yield int(step), figures


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def current_stages(results: Results) -> list[str]:
    """Stages whose outputs belong to the params, code and inputs as they stand, as dvc.lock says.

    What comes of an outdated stage's results is outdated as well. The user's own data is not read
    again for this: it may be large.
    """
    stages = _read_yaml(Path("dvc.lock")).get("stages", {})
    makers = {
        item["path"]: name for name, entry in stages.items() for item in entry.get("outs", [])
    }
    needs = {
        name: {makers[item["path"]] for item in entry.get("deps", []) if item["path"] in makers}
        for name, entry in stages.items()
    }
    current = [name for name, entry in stages.items() if _is_current(entry, results)]
    while len(kept := [name for name in current if needs[name] <= set(current)]) < len(current):
        current = kept
    return current


def recorded_params() -> Params:
    """The params that dvc.lock has of the results, the others as params.yaml has them."""
    tree = read_yaml("params.yaml")
    for entry in _read_yaml(Path("dvc.lock")).get("stages", {}).values():
        for key, value in entry.get("params", {}).get("params.yaml", {}).items():
            *parents, last = key.split(".")
            target = tree
            for parent in parents:
                target = target.setdefault(parent, {})
            target[last] = value
    return params_of("dvc.lock", tree)


def _is_current(entry: dict[str, Any], results: Results) -> bool:
    for item in [*entry.get("deps", []), *entry.get("outs", [])]:
        path = Path(item["path"])
        if item["md5"].endswith(".dir") and not any(
            path.is_relative_to(folder) for folder in (results.root, *PACKAGES)
        ):
            continue
        if item["md5"] != (f"{folder_digest(path)}.dir" if path.is_dir() else _file_digest(path)):
            return False
    for file, values in entry.get("params", {}).items():
        tree = _read_yaml(Path(file))
        if any(lookup(tree, key) != value for key, value in values.items()):
            return False
    return True


def _read_yaml(path: Path) -> Any:
    return read_yaml(path, plain=True) if path.exists() else {}


def folder_digest(folder: Path) -> str:
    """The digest DVC gives a folder (without its `.dir`), so that runs and dvc.lock agree."""
    record = [
        {"md5": _file_digest(path), "relpath": path.relative_to(folder).as_posix()}
        for path in folder.rglob("*")
        if path.is_file() and BYTE_CODE not in path.parts
    ]
    record.sort(key=lambda entry: str(entry["relpath"]))
    return hashlib.md5(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _file_digest(path: Path) -> str | None:
    """md5 of a file, None without it. Read once: several stages depend on the same large faces."""
    if not path.is_file():
        return None
    state = path.stat()
    return _digest_once(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _digest_once(path: Path, size: int, mtime_ns: int) -> str:
    return digest(path, "md5")
