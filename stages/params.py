"""The params of the pipeline: their schema, and params.yaml read and checked before any work."""

import difflib
import inspect
import io
import json
import os
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError
from pydantic.fields import FieldInfo

from fbnet.errors import BadInput
from fbnet.files import printable, read_text, write_text
from fbnet.params import (
    NNI_SPACE,
    SIZE_STEP,
    TARGETS,
    AugmentParams,
    BenchParams,
    ExportParams,
    FetchParams,
    LutParams,
    RetrainParams,
    SearchParams,
    Section,
    SpaceParams,
    TrainParams,
    cannot_decide,
)


class ReportParams(Section):
    """What the report of a run shows."""

    faces: int = Field(12, ge=1, le=200)
    """Test faces shown, spread evenly over the set."""
    worst: int = Field(12, ge=1, le=200)
    """Test faces with the largest errors shown."""
    baselines: str = Field("benchmarks/results/headline/table.json", min_length=1)
    """Table of other nets to set beside, as `python -m benchmarks.headline` leaves it."""


class MlflowParams(Section):
    """Where runs are recorded; no result depends on it."""

    enabled: bool = True
    """Record runs in MLflow. Off, the stages leave the same files and connect to nothing."""
    experiment: str = Field("fbnet-pfld", min_length=1)
    """MLflow experiment that holds the runs."""
    log_changes: bool = False
    """Keep the uncommitted diff and the names of untracked files with each run: these may name
    people, and they go wherever the runs go."""
    register_model: bool = False
    """Add each exported model to the model registry; off, so that sweeps do not flood it."""
    best_within_ms: float | None = Field(None, gt=0)
    """Slowest latency in ms of a version that may have the alias `best`; null sets no limit."""
    model_name: str = Field("fbnet-pfld", min_length=1, pattern="^[^/:'\"`]+$")
    """Name in the model registry, which takes no slash, colon or quote in it."""


class Params(Section):
    """All params of the pipeline. Every key must stand here; stages check the whole file first.

    Change some for one run: make repro SET="search.beta=0.3 search.epochs=20".

    `fbnet check --write` writes these comments anew and adds missing keys; values stay.
    """

    space: str = "nni"
    """Which of `spaces` is searched."""
    spaces: dict[str, SpaceParams] = Field(default_factory=lambda: {"nni": NNI_SPACE})
    """Named search spaces."""
    fetch: FetchParams = FetchParams()
    lut: LutParams = LutParams()
    search: SearchParams = SearchParams()
    retrain: RetrainParams = RetrainParams()
    export: ExportParams = ExportParams()
    bench: BenchParams = BenchParams()
    report: ReportParams = ReportParams()
    augment: AugmentParams = AugmentParams()
    train: TrainParams = TrainParams()
    mlflow: MlflowParams = MlflowParams()

    @property
    def search_space(self) -> SpaceParams:
        """The space that `space` names."""
        return self.spaces[self.space]


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
Model = TypeVar("Model", bound=BaseModel)


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
    _refuse_old_names(path, tree, changed)
    params = checked(path, tree, Params, changed)
    for name, reason in contradictions(params):
        raise _fault(path, tree, tuple(name.split(".")), reason, 0, changed)
    return params


def checked(
    path: str | Path, tree: Any, model: type[Model], changed: Collection[str] = ()
) -> Model:
    """What `read_yaml` gave of a file, as a typed model of which the file states every key.

    Raises BadInput with file, line, key, value and reason as `load` does.
    """
    params = _valid(path, tree, model, changed)
    for key in _unstated(params, tree):
        reason = f"is missing; {Path(path).name} states every key"
        raise _fault(path, tree, key, reason)
    return params


def read_yaml(path: str | Path, plain: bool = False) -> dict[str, Any]:
    """Parse YAML, a mapping with texts as keys; with line numbers and comments unless `plain`.

    Raises BadInput that names file and line: see `fbnet.files.read_text`; and for what is not
    valid, is nested deeper than DEEPEST, or holds more than LARGEST values once its aliases are
    written out.
    """
    return parse_yaml(read_text(path, LARGEST_YAML), printable(path), plain)


def parse_yaml(text: str, name: str, plain: bool = False) -> dict[str, Any]:
    """As `read_yaml`, of the text of the file `name`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

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
    _refuse_unbounded(name, tree)
    return tree


LARGEST_YAML = 256 * 2**10
"""Bytes of a YAML file; ruamel reads some 300 KB a second."""
DEEPEST, LARGEST = 50, 20_000
"""Levels of a YAML file, and values in it."""


UNREADABLE = {"\0", *map(chr, range(0xD800, 0xE000))}
"""Characters that no file's name and no JSON can hold: NUL, and halves of surrogate pairs."""


def _depth(text: str) -> int:
    """Roughly how deep a YAML text is nested; the parser's time is the square of it."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|#.*", "", text)):
        depth = max(0, depth + (1 if bracket in "[{" else -1))
        deepest = max(deepest, depth)
    lists = max((len(run) // 2 for run in re.findall(r"(?:[-?] )+", text)), default=0)
    indents = len(set(re.findall(r"^ *(?=\S)", text, re.MULTILINE)))
    return max(deepest, lists, indents)


def _refuse_unbounded(name: str, tree: Any) -> None:
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


def rewrite(path: str | Path = "params.yaml") -> None:
    """Write a params file anew: its values, missing keys by default, comments from the schema.

    Raises BadInput as `load` does, but not for missing keys; the file then stays as it is.
    """
    tree = read_yaml(path)
    _refuse_old_names(path, tree)
    _valid(path, tree, Params)
    write_text(os.path.realpath(path), render(tree))


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


def _valid(path: str | Path, tree: Any, model: type[Model], changed: Collection[str] = ()) -> Model:
    """The typed model; keys that the tree lacks get their defaults."""
    _refuse_unbounded(printable(path), tree)
    try:
        return model.model_validate_json(json.dumps(tree, default=str), strict=True)
    except ValidationError as error:
        problems = [_described(problem, model) for problem in error.errors()]
        raise _fault(path, tree, *problems[0], len(problems) - 1, changed) from None


def _refuse_old_names(path: str | Path, tree: Any, changed: Collection[str] = ()) -> None:
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


def _described(problem: Any, model: type[BaseModel]) -> tuple[Key, str]:
    """Key and reason of one of pydantic's errors; for an unknown key, the closest known one."""
    key: Key = tuple(problem["loc"])
    if problem["type"] != "extra_forbidden":
        value, message = problem["input"], problem["msg"].removeprefix("Value error, ")
        shown = f"is {value!r}: " if not isinstance(value, dict | list) else ""
        return key, f"{shown}{message[0].lower()}{message[1:]}"
    known = _fields(model, key[:-1])
    if close := difflib.get_close_matches(str(key[-1]), known, n=1):
        return key, f"is no known key; did you mean {close[0]!r}?"
    return key, f"is no known key; remove it (known here: {', '.join(known)})"


def _fields(model: type[BaseModel], path: Key) -> list[str]:
    """Keys of the section at `path`; none where that is no section."""
    for part in path:
        field = model.model_fields.get(str(part))
        section = _section(field, optional=True) if field else None
        if section is None:
            return []
        model = section
    return list(model.model_fields)


def _section(field: FieldInfo, optional: bool = False) -> type[BaseModel] | None:
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
        elif _section(field):
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


def contradictions(params: Params) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong and how to fix it) for each contradiction between params."""
    search, retrain = params.search, params.retrain
    if params.space not in params.spaces:
        yield "space", f"{params.space!r} is not one of spaces: {', '.join(params.spaces)}"
    for name in params.spaces:
        if re.search(r"[.\[\]{}$]", name):
            yield f"spaces.{name}", "a name with a dot or bracket is a path to DVC; give it another"
    if params.fetch.size % SIZE_STEP:
        yield "fetch.size", f"{params.fetch.size}: the nets take a multiple of {SIZE_STEP}"
    scheme = params.fetch.scheme
    for name, loss in {"search.loss": search.loss, "retrain.loss": retrain.loss}.items():
        if scheme and scheme.pose is None and scheme.head is None and loss.startswith("pose_"):
            yield name, f"{loss!r} needs a head pose: state fetch.scheme.pose, or take another loss"
    stated = scheme is None or scheme.pose or scheme.head or retrain.heads_faces
    if "pose" in params.export.outputs and not stated:
        yield (
            "export.outputs",
            "pose needs a head pose: state fetch.scheme.pose, or rendered faces that have it "
            "(retrain.heads_faces)",
        )
    yield from _processes(params)
    lasting = search.warmup_epochs < search.epochs
    if search.method == "fbnet" and not lasting:
        yield (
            "search.warmup_epochs",
            f"{search.warmup_epochs} leaves no epoch for the architecture: keep it below "
            f"search.epochs ({search.epochs})",
        )
    if search.method == "fbnet" and search.temperature_floor > search.temperature:
        yield (
            "search.temperature_floor",
            f"{search.temperature_floor} lies above search.temperature ({search.temperature})",
        )
    yield from _budget(search)
    if retrain.warmup_epochs >= retrain.epochs:
        yield (
            "retrain.warmup_epochs",
            f"{retrain.warmup_epochs} must stay below retrain.epochs ({retrain.epochs})",
        )
    if params.lut.batch > 1 and not params.export.dynamic_batch:
        yield (
            "export.dynamic_batch",
            f"off gives a file for one face, and lut.batch is {params.lut.batch}: turn it on, or "
            "set lut.batch to 1",
        )
    scored, source = search.candidates + 1, "search.candidates + the argmax"
    if search.method == "predictor":
        scored, source = search.predictor.finalists, "search.predictor trains to the last rung"
    if retrain.candidates > scored:
        yield (
            "retrain.candidates",
            f"{retrain.candidates} asks for more than the search scores ({source}: {scored})",
        )
    # Of rendered faces the number is known before they are there.
    if renders(params) and search.method == "fbnet" and lasting:
        train = params.fetch.synthetic.train * (1 - params.fetch.validation_share)
        faces = int(train * search.proxy_share)
        arch, shards = int(faces * search.arch_share), params.train.parts
        if reason := cannot_decide(search.lengthened(faces - arch, shards), arch, shards):
            yield "search.nas_lr", reason


def renders(params: Params) -> bool:
    """Whether the faces are rendered: `fetch.root` holds a head instead of photographs."""
    return os.path.exists(f"{params.fetch.root}/head.npz")


def _processes(params: Params) -> Iterator[tuple[str, str]]:
    """A process has a GPU to itself; processes share the shards evenly, a batch has one of each."""
    train = params.train
    if params.search.method == "predictor" and train.accelerator == "cuda" and train.devices > 1:
        yield (
            "train.devices",
            f"{train.devices}: search.method: predictor would start all trainings on one GPU; take "
            "1, or a Dask worker for each GPU (search.predictor.scheduler)",
        )
    processes, shards = params.train.devices * params.train.num_nodes, params.train.parts
    if shards % processes:
        yield "train.shards", f"{shards}: {processes} processes cannot share them; take a multiple"
    for name, batch in {
        "search.batch": params.search.batch,
        "search.arch_batch": params.search.arch_batch,
        "retrain.batch": params.retrain.batch,
    }.items():
        if batch < shards:
            key = "train.shards" if params.train.shards else "train.devices"
            yield key, f"asks for {shards} shards of a batch, and {name} is {batch}"


def _budget(search: SearchParams) -> Iterator[tuple[str, str]]:
    """`mode: target` goes with the one target of the cost's unit, other modes with none."""
    wanted = TARGETS[search.cost] if search.mode == "target" else None
    for name in TARGETS.values():
        value = getattr(search, name)
        if name == wanted and value is None:
            yield f"search.{name}", f"is the budget of search.mode: target (cost: {search.cost})"
        elif name != wanted and value is not None:
            yield (
                f"search.{name}",
                f"{value} has no effect with mode: {search.mode} and cost: {search.cost}; "
                "make it null, or change these",
            )
    if search.mode == "target" and search.cost_form == "nni":
        yield "search.cost_form", "NNI has no budget: take normalised with mode: target"


WIDTH = 100
"""Longest line of params.yaml with a comment behind the value, or of a comment above it."""


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
    section, comment, pad = _section(field), field.description or "", " " * indent
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
