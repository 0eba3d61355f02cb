"""Params changed for one run: profiles and overrides, in force while the run lasts.

DVC reads params.yaml alone. So a run with changes writes them there and puts the file back when it
ends. The original lies in .fbnet/ meanwhile: after a kill -9 the next run puts it back first.
"""

import fcntl
import io
import json
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from fbnet.errors import BadInput
from fbnet.files import write_bytes
from fbnet.progress import say
from stages.params import RENAMED, Params, leaves, load, lookup, params_of, read_yaml
from stages.params.checking import valid
from stages.revision import git

Changes = dict[str, Any]
"""Values by dotted key, such as {"search.epochs": 3}."""
PARAMS = Path("params.yaml")
PROFILES = Path("profiles")
KEPT = Path(".fbnet/params.original.yaml")
"""The user's file while a run changes params.yaml."""
WRITTEN = Path(".fbnet/params.written.yaml")
"""What that run wrote to params.yaml."""
EDITED = Path(".fbnet/params.before-edit.yaml")
"""The user's file from before a run during which params.yaml was edited."""
LOCK = Path(".fbnet/params.lock")


def profile(name: str) -> Changes:
    """The changes of profile `name` (profiles/NAME.yaml, or a path); `default` and "" have none.

    Raises BadInput listing the profiles there are.
    """
    if name in ("", "default"):
        return {}
    path = Path(name) if name.endswith(".yaml") else PROFILES / f"{name}.yaml"
    if path.exists():
        return dict(leaves(read_yaml(path)))
    if new := RENAMED.get(f"profile: {name}"):
        raise BadInput(f"profile {name!r} has the name {new!r} since 0.2.0; write that")
    known = sorted(p.stem for p in PROFILES.glob("*.yaml"))
    raise BadInput(f"{path}: no such profile; there are: {', '.join(['default', *known])}")


def split(text: str, option: str) -> list[str]:
    """The words of an option's text as a shell splits them. Raises BadInput for an open quote."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise BadInput(f"{option} {text}: {str(error).lower()}; close the quote") from None


def overrides(words: Sequence[str]) -> Changes:
    """The changes in words `key=value`; values in YAML, texts with or without quotes.

    Raises BadInput for a word that is no such pair.
    """
    pairs = [word.partition("=") for word in words]
    for key, equals, value in pairs:
        if not equals or not key:
            raise BadInput(f"{key or value!r}: not understood; give params as section.key=value")
    return {key: _value(key, text) for key, _, text in pairs}


def _value(key: str, text: str) -> Any:
    """A value as the schema takes it: a param of text takes blanks, `#`, `(`, `=` and `~` as is."""
    from ruamel.yaml import YAML

    model: Any = Params
    for part in key.split("."):
        field = getattr(model, "model_fields", {}).get(part)
        model = field.annotation if field else None
    choices = get_args(model) if get_origin(model) is Literal else ()
    texts = model is str or (choices and all(isinstance(choice, str) for choice in choices))
    if texts and not text.startswith(('"', "'")):
        return os.path.expanduser(text)
    try:
        return YAML(typ="safe", pure=True).load(text)
    except Exception:  # ruamel's readers of dates and numbers raise what they like
        return text


def dvc_words(changes: Changes, params: Path = PARAMS) -> list[str]:
    """The changes as `key=value` for `dvc exp run -S`, in the form that its parser, Hydra's, reads.

    Keys that have no value in the file `params`, such as those of another space, have a `++`.
    """
    tree = read_yaml(params)
    added = {key: "++" for key in changes if lookup(tree, key) is None}
    return [f"{added.get(key, '')}{key}={_hydra(value)}" for key, value in changes.items()]


def _hydra(value: Any) -> str:
    """A value in Hydra's grammar: JSON's, but for keys without quotes and a backslash as it is."""
    if isinstance(value, str):
        # Backslashes count double where a quote follows, and nowhere else.
        return '"' + re.sub(r'(\\*)("|$)', _escaped, value) + '"'
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_hydra(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_hydra, value)) + "]"
    return json.dumps(value)


def _escaped(match: re.Match[str]) -> str:
    return 2 * match[1] + ('\\"' if match[2] else "")


def dvc_arguments(changes: Changes, params: Path = PARAMS) -> str:
    """The changes to the file `params` as arguments of `dvc exp run`, quoted for a shell."""
    return " ".join(f"-S {shlex.quote(word)}" for word in dvc_words(changes, params))


def checked_text(changes: Changes, path: Path = PARAMS) -> tuple[str, Params]:
    """A params file with the changes, comments kept, and its params.

    Raises BadInput for an unknown key or an unsound result.
    """
    from ruamel.yaml import YAML

    tree = read_yaml(path)
    for key, value in changes.items():
        *parents, last = key.split(".")
        target = tree
        for parent in parents:
            if target.get(parent) is None:
                target[parent] = {}
            target = target[parent]
            if not isinstance(target, dict):
                raise BadInput(f"{key}: {parent} is one value and has no keys; check the key")
        target[last] = value
    params = params_of(path, tree, changes)
    yaml, stream = YAML(typ="rt"), io.StringIO()
    yaml.width = 4096
    yaml.dump(tree, stream)
    return stream.getvalue(), params


def merge(changes: Changes, path: Path = PARAMS) -> None:
    """Write the changes into a params file for good. An unsound result leaves it as it was."""
    text, _ = checked_text(changes, path)
    write_bytes(os.path.realpath(path), text.encode())


@contextmanager
def in_force(changes: Changes) -> Iterator[Params]:
    """Hold params.yaml with the changes; the user's file is back, byte for byte, at the end.

    Yields the changed params. Raises BadInput for an unknown key or an unsound result, and where
    another run is at work here.
    """
    with _alone():
        if _put_back():
            say(f"{PARAMS}: put back as it was before a run that was killed")
        if not changes:
            yield load(PARAMS)
            return
        text, params = checked_text(changes)
        try:
            write_bytes(WRITTEN, text.encode())
            write_bytes(KEPT, PARAMS.read_bytes())
            write_bytes(os.path.realpath(PARAMS), text.encode())
            yield params
        finally:
            _put_back()


@contextmanager
def _alone() -> Iterator[None]:
    """One run of the pipeline in this folder at a time; the processes it starts count too.

    The lock's descriptor is inherited: a `dvc` whose starter was killed still holds it.
    """
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with open(LOCK, "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(
                "another run of the pipeline, or a `dvc` that it left, is at work in this folder; "
                "wait for it, or stop it"
            ) from None
        os.set_inheritable(lock.fileno(), True)
        yield


def _put_back() -> bool:
    """Restore the user's params.yaml where a run's own lies; whether it did. Edits are kept."""
    if not KEPT.exists():
        return False
    now, before = PARAMS.read_bytes() if PARAMS.exists() else None, KEPT.read_bytes()
    written = now in (None, WRITTEN.read_bytes())
    if written:
        write_bytes(os.path.realpath(PARAMS), before)
    elif now != before:
        write_bytes(EDITED, before)
        say(f"{PARAMS}: edited during a run and left so; as it was before the run: {EDITED}")
    KEPT.unlink()
    return written


def differences(params: Params) -> list[str]:
    """`key: value (committed value)` of each param unlike the committed params.yaml.

    Outside git, or before the first commit, unlike the schema's default.
    """
    from ruamel.yaml import YAML, YAMLError

    try:
        committed = YAML(typ="safe", pure=True).load(git("show", f"HEAD:./{PARAMS}") or "")
    except YAMLError:
        committed = None
    if not isinstance(committed, dict):
        committed = {}
    with suppress(BadInput):  # an older file, of other keys, is compared as it stands
        committed = valid(PARAMS, committed).model_dump(mode="json")
    return [
        f"{key}: {json.dumps(value)} ({json.dumps(shipped)})"
        for key, value in leaves(params.model_dump(mode="json"))
        if (shipped := lookup(committed, key)) != value
    ]
