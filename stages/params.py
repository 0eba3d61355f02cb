"""Reads params.yaml whole and checks it before any work."""

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from fbnet.errors import BadInput
from fbnet.params import (
    NNI_SPACE,
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
    """What results/report/report.html shows."""

    faces: int = Field(12, ge=1, le=200)
    """Test faces shown, spread evenly over the set."""
    worst: int = Field(12, ge=1, le=200)
    """Test faces with the largest errors shown."""
    baselines: str = "benchmarks/headline/table.json"
    """Table of other nets to set beside, as `python -m benchmarks.headline` leaves it."""


class MlflowParams(Section):
    """Where runs are recorded; no result depends on it."""

    enabled: bool = True
    """Record runs in MLflow. Off, the stages leave the same files and connect to nothing."""
    experiment: str = Field("fbnet-pfld", min_length=1)
    """MLflow experiment that holds the runs."""
    register_model: bool = False
    """Add each exported model to the model registry; off, so that sweeps do not flood it."""
    best_within_ms: float | None = Field(None, gt=0)
    """Slowest latency in ms of a version that may have the alias `best`; null sets no limit."""
    model_name: str = Field("fbnet-pfld", min_length=1)
    """Name in the model registry."""


class Params(Section):
    """The whole of params.yaml."""

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
    """Shared by search and retrain."""
    train: TrainParams = TrainParams()
    """Shared by search and retrain: device, precision, threads."""
    mlflow: MlflowParams = MlflowParams()

    @property
    def search_space(self) -> SpaceParams:
        """The space that `space` names."""
        return self.spaces[self.space]


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


def contradictions(params: Params) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong and how to mend it) for each contradiction."""
    search = params.search
    if params.space not in params.spaces:
        yield "space", f"{params.space!r} is not one of spaces: {', '.join(params.spaces)}"
    if search.warmup_epochs >= search.epochs:
        yield (
            "search.warmup_epochs",
            f"{search.warmup_epochs} leaves no epoch for the architecture: keep it below "
            f"search.epochs ({search.epochs})",
        )
        return
    if search.temperature_floor > search.temperature:
        yield (
            "search.temperature_floor",
            f"{search.temperature_floor} lies above search.temperature ({search.temperature})",
        )
    yield from _budget(search)
    if params.retrain.warmup_epochs >= params.retrain.epochs:
        yield (
            "retrain.warmup_epochs",
            f"{params.retrain.warmup_epochs} must stay below retrain.epochs "
            f"({params.retrain.epochs})",
        )
    if params.retrain.candidates > search.candidates + 1:
        yield (
            "retrain.candidates",
            f"{params.retrain.candidates} asks for more than the search scores "
            f"(search.candidates + the argmax = {search.candidates + 1})",
        )
    if faces := rendered_proxy_faces(params):
        arch = int(faces * search.arch_share)
        if reason := cannot_decide(search.lengthened(faces - arch), arch):
            yield "search.nas_lr", reason


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


def rendered_proxy_faces(params: Params) -> int | None:
    """Faces of the search where params alone tell (rendered ones), None where only data do."""
    if not (Path(params.fetch.root) / "head.npz").exists():
        return None
    train = params.fetch.synthetic.train * (1 - params.fetch.validation_share)
    return int(train * params.search.proxy_share)
