"""Fills the folder of a kit: models for each engine, manifest, runner, script, instructions."""

import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fbnet.costs.kit.manifest import FILE, Contents
from fbnet.costs.latency import table_models
from fbnet.engines.convert import convert_all, input_shape
from fbnet.errors import BadInput
from fbnet.files import replace_folder, write_bytes, write_json, write_text
from fbnet.params import LutParams
from fbnet.progress import say

RUNNER = {
    "__main__.py": "fbnet.costs.kit.runner",
    "errors.py": "fbnet.errors",
    "timing.py": "fbnet.costs.timing",
    "engines/__init__.py": "fbnet.engines",
    "engines/base.py": "fbnet.engines.base",
    "engines/onnxruntime.py": "fbnet.engines.onnxruntime",
    "engines/mnn.py": "fbnet.engines.mnn",
    "engines/ncnn.py": "fbnet.engines.ncnn",
}
"""Files of the kit's runner -> the modules that they are copies of, but for their imports."""
OWN_IMPORT = re.compile(r"^from fbnet\.(?:costs\.)?(?=errors|engines|timing)", re.MULTILINE)
PLAIN = ("run.py", "bench.sh", "device.sh", "README.md")
"""Files that go into every kit as they are."""
TEMPLATES = Path(__file__).with_name("files")


def write_kit(
    out: Path, contents: Contents, engines: Sequence[str], seed: int = 0
) -> dict[str, Any]:
    """Write a kit into the folder `out`, which must not hold anything; returns its manifest.

    It appears whole or not at all. Equal contents give equal bytes. Raises BadInput for a folder
    in use, or where a converter's wheel is missing.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out}: holds something already; name a new or empty folder")
    made = out.with_name(f".{out.name}.part")
    shutil.rmtree(made, ignore_errors=True)
    try:
        manifest = _fill(made, contents, engines, seed)
        replace_folder(made, out)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return manifest


def _fill(folder: Path, contents: Contents, engines: Sequence[str], seed: int) -> dict[str, Any]:
    params = LutParams(seed=seed)
    onnx = table_models(contents.space, contents.points, params, contents.size, contents.nets)
    keys = contents.keys()
    models = {name: {"input": list(input_shape(onnx[key]))} for name, key in keys.items()}
    files: dict[str, dict[str, list[dict[str, Any]]]] = {name: {} for name in keys}
    for engine in engines:
        say(f"kit: {len(keys)} models for {engine}")
        for name, model in convert_all({n: onnx[k] for n, k in keys.items()}, engine).items():
            files[name][engine] = _write_model(folder, f"{engine}/{name}", model)
    described = {name: models[name] | {"files": files[name]} for name in keys}
    manifest = contents.record() | {"seed": seed, "engines": list(engines), "models": described}
    write_json(folder / FILE, manifest)
    write_text(folder / "models.txt", _listing(models))
    _write_programs(folder)
    return manifest


def _write_model(folder: Path, stem: str, model: Mapping[str, bytes]) -> list[dict[str, Any]]:
    for suffix, data in model.items():
        write_bytes(folder / f"{stem}{suffix}", data)
    return [
        {"path": f"{stem}{suffix}", "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for suffix, data in model.items()
    ]


def _listing(models: Mapping[str, Mapping[str, Sequence[int]]]) -> str:
    """A line a model for the shell: name, width, height, channels."""
    lines = []
    for name, model in models.items():
        _, channels, height, width = model["input"]
        lines.append(f"{name} {width} {height} {channels}\n")
    return "".join(lines)


def _write_programs(folder: Path) -> None:
    for name in PLAIN:
        write_bytes(folder / name, (TEMPLATES / name).read_bytes())
    for name, module in RUNNER.items():
        found = find_spec(module)
        assert found is not None and found.origin is not None
        source = Path(found.origin).read_text()
        write_text(folder / "runner" / name, OWN_IMPORT.sub("from ", source))
