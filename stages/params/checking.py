"""params.yaml read and checked before any work; a fault is one line with file, line and key."""

import difflib
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from fbnet.errors import BadInput
from fbnet.files import printable
from stages.params.contradictions import contradictions
from stages.params.schema import Params
from stages.params.yaml_file import lookup, read_yaml, refuse_unbounded

RENAMED = {
    "space: seed": "nni",
    "spaces.seed": "nni",
    "fetch.layout: seed": "nni",
    "search.cost_form: seed": "nni",
    "export.variants: onnx_int8": "onnxruntime_int8",
    "profile: seed": "nni",
}
"""Old name -> new name: of a key, or of a value as "key: value"."""

Key = tuple[str | int, ...]
"""Keys of sections, and numbers of items, from the top."""


def load(path: str | Path = "params.yaml") -> Params:
    """Read and check params.

    Raises BadInput with file, line, key, value, reason and remedy for: no file, broken YAML,
    unknown key, missing key, wrong type, impossible value, contradiction between sections.
    """
    return params_of(path, read_yaml(path))


def params_of(path: str | Path, tree: Any, changed: Collection[str] = ()) -> Params:
    """The params in a tree that `read_yaml` gave of the file at `path`. Raises BadInput as `load`.

    changed: keys whose values the command line set, not the file.
    """
    refuse_old_names(path, tree, changed)
    params = valid(path, tree, changed)
    for key in _unstated(params, tree):
        raise _fault(path, tree, key, f"is missing; {Path(path).name} states every key")
    for name, reason in contradictions(params):
        raise _fault(path, tree, tuple(name.split(".")), reason, 0, changed)
    return params


def valid(path: str | Path, tree: Any, changed: Collection[str] = ()) -> Params:
    """The typed params, of which each section is sound; keys that the tree lacks get defaults.

    Raises BadInput as `load` does.
    """
    refuse_unbounded(printable(path), tree)
    try:
        return Params.model_validate_json(json.dumps(tree, default=str), strict=True)
    except ValidationError as error:
        problems = [_described(problem) for problem in error.errors()]
        raise _fault(path, tree, *problems[0], len(problems) - 1, changed) from None


def refuse_old_names(path: str | Path, tree: Any, changed: Collection[str] = ()) -> None:
    """Raise BadInput with the new name for the first old name of RENAMED in a params tree."""
    for old, new in RENAMED.items():
        key, _, value = old.partition(": ")
        stated = lookup(tree, key)
        if not value and stated is not None:
            reason = f"has the name {new!r} since 0.2.0; rename it"
        elif value and (stated == value or (isinstance(stated, list) and value in stated)):
            verb = "is" if stated == value else "holds"
            reason = f"{verb} {value!r}, which has the name {new!r} since 0.2.0; write that"
        else:
            continue
        raise _fault(path, tree, tuple(key.split(".")), reason, 0, changed)


def _described(problem: Any) -> tuple[Key, str]:
    """Key and reason of one of pydantic's errors; for an unknown key, the closest known one."""
    key: Key = tuple(problem["loc"])
    if problem["type"] != "extra_forbidden":
        value, message = problem["input"], problem["msg"].removeprefix("Value error, ")
        shown = f"is {value!r}: " if not isinstance(value, dict | list) else ""
        return key, f"{shown}{message[0].lower()}{message[1:]}"
    known = _fields(key[:-1])
    if close := difflib.get_close_matches(str(key[-1]), known, n=1):
        return key, f"is no known key; did you mean {close[0]!r}?"
    return key, f"is no known key; remove it (known here: {', '.join(known)})"


def _fields(path: Key) -> list[str]:
    """Keys of the section at `path`; none where that is no section."""
    model: type[BaseModel] = Params
    for part in path:
        field = model.model_fields.get(str(part))
        section = section_of(field, optional=True) if field else None
        if section is None:
            return []
        model = section
    return list(model.model_fields)


def section_of(field: FieldInfo, optional: bool = False) -> type[BaseModel] | None:
    """The model of a field that is a section of its own, or may be one where `optional`."""
    kinds = get_args(field.annotation) if optional else ()
    for kind in (field.annotation, *kinds):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _unstated(model: BaseModel, tree: Any, at: Key = ()) -> Iterator[Key]:
    """Keys of the schema that the tree does not state."""
    for name, field in type(model).model_fields.items():
        if name not in tree:
            yield (*at, name)
        elif section_of(field):
            yield from _unstated(getattr(model, name), tree[name], (*at, name))


def _fault(
    path: str | Path,
    tree: Any,
    key: Key,
    reason: str,
    more: int = 0,
    changed: Collection[str] = (),
) -> BadInput:
    """One line: where the key stands, what is wrong, how many faults more there are."""
    dotted = ".".join(map(str, key))
    tail = f" ({more} more)" if more else ""
    if any(f"{a}.".startswith(f"{b}.") for c in changed for a, b in ((c, dotted), (dotted, c))):
        return BadInput(f"{dotted} {reason}{tail} (set by profile or overrides)")
    line = 1
    for part in key:
        try:
            line = (tree.lc.key(part) if isinstance(part, str) else tree.lc.item(part))[0] + 1
            tree = tree[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return BadInput(f"{path}:{line}: {dotted} {reason}{tail}")
