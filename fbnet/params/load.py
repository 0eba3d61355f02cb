"""Reads params.yaml whole and checks it before any work."""

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from fbnet.errors import BadInput
from fbnet.params import Params
from fbnet.params.checks import contradictions

Key = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


def load(path: str | Path = "params.yaml") -> Params:
    """Read and check params.

    Raises BadInput with file, line, key, value, reason and remedy for: no file, broken YAML,
    unknown key, missing key, wrong type, impossible value, contradiction between sections.
    """
    raw = read_yaml(path)
    params = checked(path, raw, Params)
    for name, reason in contradictions(params):
        raise _bad(path, raw, tuple(name.split(".")), reason)
    return params


def checked(path: str | Path, raw: Any, model: type[Model]) -> Model:
    """What `read_yaml` gave of a file, as a typed model of which the file states every key.

    Raises BadInput with file, line, key, value and reason as `load` does.
    """
    try:
        params = model.model_validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        problems = [_describe(problem, model) for problem in error.errors()]
        raise _bad(path, raw, *problems[0], more=len(problems) - 1) from None
    for key in _unstated(params, raw):
        raise _bad(path, raw, key, f"is missing; {Path(path).name} states every key")
    return params


def read_yaml(path: str | Path) -> Any:
    """Parse YAML keeping line numbers and comments. Raises BadInput naming file and line."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    try:
        with open(path) as stream:
            raw = YAML(typ="rt").load(stream)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; run in the folder that holds it") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(f"{path}:{line}: not valid YAML ({error.problem})") from None
    if not isinstance(raw, dict):
        raise BadInput(f"{path}:1: holds no keys; start from the params.yaml of the project")
    return raw


def _describe(problem: Any, model: type[BaseModel]) -> tuple[Key, str]:
    key: Key = tuple(problem["loc"])
    if problem["type"] == "extra_forbidden":
        return key, f"is no known key{_hint(model, key)}"
    value = problem["input"]
    shown = f"is {value!r}: " if not isinstance(value, dict | list) else ""
    return key, f"{shown}{problem['msg'][0].lower()}{problem['msg'][1:]}"


def _hint(model: type[BaseModel], key: Key) -> str:
    known = _fields(model, key[:-1])
    close = difflib.get_close_matches(str(key[-1]), known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; remove it (known here: {', '.join(known)})" if known else "; remove it"


def _fields(model: type[BaseModel], path: Key) -> list[str]:
    for part in path:
        field = model.model_fields.get(str(part))
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)


def _unstated(model: BaseModel, raw: Any, at: Key = ()) -> Iterator[Key]:
    for name in type(model).model_fields:
        if name not in raw:
            yield (*at, name)
        elif isinstance(value := getattr(model, name), BaseModel):
            yield from _unstated(value, raw[name], (*at, name))


def _bad(path: str | Path, raw: Any, key: Key, reason: str, more: int = 0) -> BadInput:
    tail = f" ({more} more)" if more else ""
    return BadInput(f"{path}:{_line(raw, key)}: {'.'.join(map(str, key))} {reason}{tail}")


def _line(raw: Any, key: Key) -> int:
    line = 1
    for part in key:
        try:
            line = (raw.lc.key(part) if isinstance(part, str) else raw.lc.item(part))[0] + 1
            raw = raw[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line
