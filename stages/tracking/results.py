"""What the stages left: which of it is up to date, its digests, its numbers."""

import csv
import hashlib
import json
import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from fbnet.files import digest, read_json

RESULTS = Path("results")
PRIVATE = frozenset({"preview.png", "faces.png", "worst.png", "errors.csv"})
"""They show or name people: they stay on this machine, whatever the tracking server."""
STEP_COLUMNS = ("epoch", "step")


def recorded_files(stage: str) -> list[Path]:
    """The small result files of a stage that a run keeps: tables and charts, no faces, no nets."""
    return sorted(
        path
        for path in (RESULTS / stage).glob("*")
        if path.suffix in {".json", ".csv", ".png"} and path.name not in PRIVATE
    )


def results_digest(stage: str) -> str:
    """md5 over the recorded files: equal for the run that made them and whoever finds them."""
    record = [(path.name, digest(path, "md5")) for path in recorded_files(stage)]
    return hashlib.md5(json.dumps(record).encode()).hexdigest()


def metrics(stage: str) -> dict[str, float]:
    """Numbers of the stage's metrics.json and details.json, nested ones as `outer.inner`.

    `dvc metrics` shows the first only. None without the files.
    """
    paths = [RESULTS / stage / name for name in ("metrics.json", "details.json")]
    return {k: v for path in paths if path.exists() for k, v in _numbers(read_json(path))}


def _numbers(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", float(value)


def history(stage: str) -> Iterator[tuple[int, dict[str, float]]]:
    """(step, numbers) of each row of the stage's history.csv; nothing without the file."""
    path = RESULTS / stage / "history.csv"
    if not path.exists():
        return
    with open(path, newline="") as stream:
        for index, row in enumerate(csv.DictReader(stream)):
            cells = {name: _number(text) for name, text in row.items()}
            numbers = {name: value for name, value in cells.items() if value is not None}
            step = next((numbers.pop(name) for name in STEP_COLUMNS if name in numbers), index)
            yield int(step), numbers


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def finite(numbers: dict[str, float]) -> dict[str, float]:
    """Without inf and NaN, which a store turns into something else."""
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def folder_digest(folder: Path) -> str:
    """The digest DVC gives a folder (without its `.dir`), so that runs and dvc.lock agree."""
    record = [
        {"md5": _file_digest(path), "relpath": path.relative_to(folder).as_posix()}
        for path in folder.rglob("*")
        if path.is_file()
    ]
    record.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    state = path.stat()
    return _digest_once(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _digest_once(path: Path, size: int, mtime_ns: int) -> str:
    # Several stages depend on the same faces, which can be large.
    return digest(path, "md5")


def current_stages() -> list[str]:
    """Stages whose outputs in results/ belong to the params, code and inputs as they stand.

    As dvc.lock says. The user's own data is not read again for this: it may be large.
    """
    stages = _read_yaml(Path("dvc.lock")).get("stages", {})
    return [name for name, entry in stages.items() if _is_current(entry)]


def _read_yaml(path: Path) -> Any:
    from ruamel.yaml import YAML

    # YAML 1.2 as DVC reads it: 1e-3 is a number.
    return YAML(typ="safe", pure=True).load(path) or {} if path.exists() else {}


def _is_current(entry: dict[str, Any]) -> bool:
    same_files = all(
        _file_is(item) for kind in ("deps", "outs") for item in entry.get(kind, []) if _small(item)
    )
    return same_files and all(
        _params_are(Path(path), values) for path, values in entry.get("params", {}).items()
    )


def _small(item: dict[str, Any]) -> bool:
    folder = item["md5"].endswith(".dir")
    return not folder or Path(item["path"]).is_relative_to(RESULTS)


def _file_is(item: dict[str, Any]) -> bool:
    path = Path(item["path"])
    if path.is_dir():
        return f"{folder_digest(path)}.dir" == item["md5"]
    return path.is_file() and _file_digest(path) == item["md5"]


def _params_are(path: Path, values: dict[str, Any]) -> bool:
    tree = _read_yaml(path)
    return all(_lookup(tree, key) == value for key, value in values.items())


def _lookup(tree: Any, key: str) -> Any:
    for part in key.split("."):
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree
