"""params.yaml as text: values in the schema's order, with its docstrings as comments."""

import inspect
import io
import os
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from fbnet.files import write_text
from stages.params.checking import refuse_old_names, section_of, valid
from stages.params.schema import Params
from stages.params.yaml_file import read_yaml

WIDTH = 100
"""Longest line of params.yaml with a comment behind the value, or of a comment above it."""


def rewrite(path: str | Path = "params.yaml") -> None:
    """Write a params file anew: its values, missing keys by default, comments from the schema.

    Raises BadInput as `load` does, but not for missing keys; the file then stays as it is.
    """
    tree = read_yaml(path)
    refuse_old_names(path, tree)
    valid(path, tree)
    write_text(os.path.realpath(path), render(tree))


def render(tree: Mapping[str, Any]) -> str:
    """params.yaml with the values of `tree`: keys in the schema's order, docstrings as comments.

    Keys that `tree` lacks get their defaults. Comments inside a search space stay.
    """
    lines = [f"# {line}" for line in _wrapped(inspect.getdoc(Params) or "", WIDTH - 2)]
    for name, field in Params.model_fields.items():
        entry = _entry(name, field, tree, 0)
        lines += ["", *entry] if len(entry) > 1 else entry
    return "\n".join(lines) + "\n"


def _entry(name: str, field: FieldInfo, tree: Mapping[str, Any], indent: int) -> list[str]:
    """Lines of one key: `key: value  # comment`, or the comment above where that is too long."""
    section, comment, pad = section_of(field), field.description or "", " " * indent
    if section is not None:
        comment = comment or inspect.getdoc(section) or ""
        values = tree.get(name) or {}
        lines = [f"{pad}{name}:"]
        for inner, inner_field in section.model_fields.items():
            lines += _entry(inner, inner_field, values, indent + 2)
    else:
        lines = [pad + line for line in _dumped(name, field, tree)]
        behind = f"{lines[0]}  # {comment}"
        if len(lines) == 1 and len(behind) <= WIDTH and "\n" not in comment:
            return [behind]
    return [f"{pad}# {line}" for line in _wrapped(comment, WIDTH - indent - 2)] + lines


def _dumped(name: str, field: FieldInfo, tree: Mapping[str, Any]) -> list[str]:
    """Lines of YAML of one key, without the comments that ruamel keeps with its last value."""
    from pydantic_core import to_jsonable_python
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedSeq

    default = to_jsonable_python(field.get_default(call_default_factory=True))
    value = tree.get(name, default)
    if type(value) is list:
        value = CommentedSeq(value)
        value.fa.set_flow_style()
    yaml, stream = YAML(typ="rt"), io.StringIO()
    yaml.width = 4096
    yaml.dump({name: value}, stream)
    lines = stream.getvalue().splitlines()
    while len(lines) > 1 and lines[-1].lstrip()[:1] in ("", "#"):
        lines.pop()
    return lines


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Lines of a docstring, each paragraph filled anew."""
    for paragraph in text.split("\n\n"):
        yield from textwrap.wrap(" ".join(paragraph.split()), width, break_on_hyphens=False)
