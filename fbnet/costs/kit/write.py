"""Fills the folder of a kit: models for each engine, manifest, runner, scripts, instructions."""

import hashlib
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fbnet.costs.kit.contents import FILE, Contents
from fbnet.costs.measure import convert_all, table_models
from fbnet.engines import ENGINES, Engine, input_shape
from fbnet.errors import BadInput
from fbnet.files import new_folder, write_bytes, write_json, write_text
from fbnet.params import LutParams
from fbnet.progress import say

RUNNER = {
    "__main__.py": "fbnet.costs.kit.runner",
    "errors.py": "fbnet.errors",
    "timing.py": "fbnet.costs.timing",
    "engines/base.py": "fbnet.engines.base",
}
"""Files of the kit's runner -> the modules that they are copies of, but for their imports. The
implementations of the kit's engines lie in engines/ too."""
OWN_IMPORT = re.compile(r"^from fbnet\.(?:costs\.)?(?=errors|engines|timing)", re.MULTILINE)
PLAIN = ("run.py", "bench.sh", "device.sh", "README.md")
"""Files that go into every kit as they are."""
TEMPLATES = Path(__file__).with_name("files")


def write_kit(
    out: Path, contents: Contents, engines: Sequence[str], seed: int = 0
) -> dict[str, Any]:
    """Write a kit into the folder `out`, which must not hold anything; returns its manifest.

    It appears whole or not at all. Equal contents give equal bytes. Raises BadInput for a folder
    in use, for an unknown engine, or where a converter is not installed.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out}: holds something already; name a new or empty folder")
    chosen = [ENGINES[name] for name in engines]
    with new_folder(out) as part:
        manifest = _write_models(part, contents, chosen, seed)
        _write_programs(part, chosen)
    return manifest


def _write_models(
    folder: Path, contents: Contents, engines: Sequence[Engine], seed: int
) -> dict[str, Any]:
    """Models in models/ENGINE/, the manifest, and models.txt, which lists them for the shell."""
    params = LutParams(seed=seed)
    onnx = table_models(contents.space, contents.points, params, contents.size, contents.nets)
    named = {name: onnx[key] for name, key in contents.keys().items()}
    models: dict[str, Any] = {
        name: {"input": list(input_shape(data)), "files": {}} for name, data in named.items()
    }
    for engine in engines:
        say(f"kit: {len(named)} models for {engine.name}")
        for name, model in convert_all(named, engine.name).items():
            files = models[name]["files"][engine.name] = []
            for suffix, data in model.items():
                path = f"models/{engine.name}/{name}{suffix}"
                write_bytes(folder / path, data)
                digest = hashlib.sha256(data).hexdigest()
                files.append({"path": path, "sha256": digest, "bytes": len(data)})
    # What the runner needs of the engines' table.
    stated = [
        {
            "name": engine.name,
            "distribution": engine.distribution,
            "module": engine.module,
            "implementation": f"engines.{engine.name}",
            "suffixes": list(engine.suffixes),
            "system": engine.system,
        }
        for engine in engines
    ]
    manifest = contents.record() | {"seed": seed, "engines": stated, "models": models}
    write_json(folder / FILE, manifest)
    inputs = {name: model["input"] for name, model in models.items()}
    lines = [f"{name} {w} {h} {channels}\n" for name, (_, channels, h, w) in inputs.items()]
    write_text(folder / "models.txt", "".join(lines))
    return manifest


def _write_programs(folder: Path, engines: Sequence[Engine]) -> None:
    for name in PLAIN:
        write_bytes(folder / name, (TEMPLATES / name).read_bytes())
    write_text(folder / "programs.sh", program_script(engines))
    sources = {name: _origin(module) for name, module in RUNNER.items()}
    sources |= {f"engines/{engine.name}.py": _origin(engine.implementation) for engine in engines}
    for name, source in sources.items():
        write_text(folder / "runner" / name, OWN_IMPORT.sub("from ", source.read_text()))


def _origin(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin)


def program_script(engines: Sequence[Engine]) -> str:
    """Shell that sets the engine of $program and the function that runs it, from the table."""
    cases = "".join(
        f"    {program.name})\n"
        f"        engine={engine.name} runs_folder={'yes' if program.runs_folder else 'no'}\n"
        f"        measure() {{ {program.command}; }}\n"
        "        ;;\n"
        for engine in engines
        for program in engine.programs
    )
    names = [program.name for engine in engines for program in engine.programs]
    return (
        "# The engines' benchmark programs: which engine each is of, and how it is run.\n"
        f'programs="{" ".join(names)}"\n'
        'case $(basename "$program") in\n'
        f"{cases}"
        "    *) engine= ;;\n"
        "esac\n"
    )
