"""Profiles: named sets of changes to params.yaml."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fbnet.errors import BadInput
from fbnet.files import write_text
from stages.params import load, read_yaml

FOLDER = Path("profiles")


def profile(name: str) -> dict[str, Any]:
    """The changes of profile `name` (profiles/NAME.yaml, or a path); `default` has none.

    Raises BadInput listing the profiles there are.
    """
    if name == "default":
        return {}
    path = Path(name) if name.endswith(".yaml") else FOLDER / f"{name}.yaml"
    if not path.exists():
        known = sorted(p.stem for p in FOLDER.glob("*.yaml"))
        raise BadInput(f"{path}: no such profile; there are: {', '.join(['default', *known])}")
    return dict(read_yaml(path))


def words(changes: dict[str, Any]) -> list[str]:
    """The changes as `key=value`, values in JSON."""
    return [f"{key}={json.dumps(value)}" for key, value in _flat(changes)]


def overrides(changes: dict[str, Any]) -> Iterator[str]:
    """The changes as arguments of `dvc exp run`: -S key=value, quoted for a shell."""
    for word in words(changes):
        yield f"-S {shlex.quote(word)}"


def merge(changes: dict[str, Any], path: str | Path) -> None:
    """Merge the changes into a params file, comments kept. Raises BadInput on an unsound result.

    The file stays as it was when the result is unsound.
    """
    import io

    from ruamel.yaml import YAML

    raw = read_yaml(path)
    for key, value in _flat(changes):
        *parents, last = key.split(".")
        target = raw
        for parent in parents:
            target = target[parent]
        target[last] = value
    yaml = YAML(typ="rt")
    yaml.width = 1000
    stream = io.StringIO()
    yaml.dump(raw, stream)
    trial = Path(path).with_name(f".trial-{Path(path).name}")
    write_text(trial, stream.getvalue())
    try:
        load(trial)
        trial.replace(path)
    finally:
        trial.unlink(missing_ok=True)


def _flat(changes: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in changes.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
