"""What dvc.lock says of the results: which stages are up to date, and the params they came of."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from fbnet.errors import BadInput
from fbnet.files import digest
from stages.params import Params, lookup, params_of, read_yaml
from stages.results import Results
from stages.revision import PACKAGES

BYTE_CODE = "__pycache__"
"""Byte code is no input of a stage; .dvcignore leaves it out as well."""


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


def recorded_params(results: Results) -> Params:
    """The params that the dvc.lock beside `results` has of them, the others as params.yaml has.

    Raises BadInput where it is of another model than theirs; without a word of any, the params are
    those of params.yaml for this project's own results alone.
    """
    tree, path = read_yaml("params.yaml"), results.root.parent / "dvc.lock"
    stages = _read_yaml(path).get("stages", {})
    outs = {
        path.parent / item["path"]: item["md5"]
        for entry in stages.values()
        for item in entry.get("outs", [])
    }
    known = outs.get(results.onnx)
    if known != _file_digest(results.onnx) and (known or results != Results()):
        raise BadInput(
            f"{path}: not of {results.onnx}; name results beside the dvc.lock of their run, or "
            "record what was run by hand with `dvc commit`"
        )
    for entry in stages.values():
        for key, value in entry.get("params", {}).get("params.yaml", {}).items():
            *parents, last = key.split(".")
            target = tree
            for parent in parents:
                target = target.setdefault(parent, {})
            target[last] = value
    return params_of("dvc.lock", tree)


def require_current_export(results: Results) -> None:
    """Raise BadInput where `exported_before`."""
    if exported_before(results):
        raise BadInput(
            f"{results.onnx}: of other weights than {results.subnet}; run `dvc repro export bench`"
        )


def exported_before(results: Results) -> bool:
    """Whether the ONNX file is of other weights than those that retrain left since.

    By the dvc.lock beside `results`; of a file that it does not know, nothing is said.
    """
    folder = results.root.parent
    export = _read_yaml(folder / "dvc.lock").get("stages", {}).get("export", {})
    recorded = {
        folder / item["path"]: item["md5"]
        for kind in ("deps", "outs")
        for item in export.get(kind, [])
    }
    file, weights = _file_digest(results.onnx), _file_digest(results.subnet)
    known = None not in (file, weights) and recorded.get(results.onnx) == file
    return known and recorded.get(results.subnet, weights) != weights


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
