"""YAML files that strangers wrote: read within bounds, with line numbers; values by dotted key."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fbnet.errors import BadInput
from fbnet.files import printable, read_text

LARGEST_YAML = 256 * 2**10
"""Bytes of a YAML file; ruamel reads some 300 KB a second."""
DEEPEST, LARGEST = 50, 20_000
"""Levels of a YAML file, and values in it."""
UNREADABLE = {"\0", *map(chr, range(0xD800, 0xE000))}
"""Characters that no file's name and no JSON can hold: NUL, and halves of surrogate pairs."""


def read_yaml(path: str | Path, plain: bool = False) -> dict[str, Any]:
    """Parse YAML, a mapping with texts as keys; with line numbers and comments unless `plain`.

    Raises BadInput that names file and line: see `fbnet.files.read_text`; and for what is not
    valid, is nested deeper than DEEPEST, or holds more than LARGEST values once its aliases are
    written out.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    text, name = read_text(path, LARGEST_YAML), printable(path)
    if _depth(text) > DEEPEST:
        raise BadInput(f"{name}: not valid YAML (nested deeper than {DEEPEST})")
    # YAML 1.2, as DVC reads it: 1e-3 is a number.
    yaml = YAML(typ="safe", pure=True) if plain else YAML(typ="rt")
    try:
        tree = yaml.load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(f"{name}:{line}: not valid YAML ({error.problem})") from None
    except Exception as error:  # ruamel's readers of dates, numbers and bytes raise what they like
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(f"{name}: not valid YAML ({reason})") from None
    if not isinstance(tree, dict):
        raise BadInput(f"{name}:1: holds no keys; start from the params.yaml of the project")
    refuse_unbounded(name, tree)
    return tree


def _depth(text: str) -> int:
    """Roughly how deep a YAML text is nested; the parser's time is the square of it."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|#.*", "", text)):
        depth = max(0, depth + (1 if bracket in "[{" else -1))
        deepest = max(deepest, depth)
    lists = max((len(run) // 2 for run in re.findall(r"(?:[-?] )+", text)), default=0)
    indents = len(set(re.findall(r"^ *(?=\S)", text, re.MULTILINE)))
    return max(deepest, lists, indents)


def refuse_unbounded(name: str, tree: Any) -> None:
    """Raise BadInput for keys that are no texts, and where aliases make a tree endless or huge."""
    counts: dict[int, int] = {}

    def count(node: Any, depth: int) -> int:
        if isinstance(node, str) and not UNREADABLE.isdisjoint(node):
            raise BadInput(f"{name}: {node!r:.40} holds characters that are no text")
        if not isinstance(node, dict | list):
            return 1
        if id(node) not in counts:
            counts[id(node)] = LARGEST + 1  # what a node that holds itself will meet
            inner = list(node.values()) if isinstance(node, dict) else node
            if isinstance(node, dict):
                for key in node:
                    if not isinstance(key, str):
                        raise BadInput(f"{name}: {key!r:.40} is no key; keys are texts")
            counts[id(node)] = 1 + sum(count(value, depth + 1) for value in inner)
        return counts[id(node)]

    if count(tree, 0) > LARGEST:
        raise BadInput(
            f"{name}: holds more than {LARGEST:,} values, or itself, by its aliases; write out "
            "what is meant"
        )


def lookup(tree: Any, key: str) -> Any:
    """The value at a dotted key; None where there is none."""
    for part in key.split("."):
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of all that is no mapping."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
