"""Copies what the stages left in results/ to MLflow. Doing it twice changes nothing."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from stages.tracking import model, registry, results
from stages.tracking.runs import PARENT
from stages.tracking.series import Series
from stages.tracking.store import TAG, Store

HEADLINE_STAGES = frozenset({"export", "bench"})
"""On the parent run their numbers go by their own names; other stages' say which stage's."""
PARAMS_BATCH = 100
VALUE_LENGTH = 6000


def project_child(store: Store, run_id: str, stage: str, series: Series) -> None:
    """Copy a stage's numbers, history and files to the run that made them."""
    series.add_rows(results.history(stage))
    series.add(0, results.metrics(stage))
    series.flush()
    for path in results.recorded_files(stage):
        store.client.log_artifact(run_id, str(path))
    store.client.set_tag(run_id, f"{TAG}results_md5", results.results_digest(stage))


def project_parent(store: Store, run_id: str, stages: Iterable[str], params: Any) -> None:
    """Copy params, headline numbers, small JSON files, faces and model of `stages` to the parent.

    A stage that DVC skipped is linked to the run that made its results, by their md5.
    """
    log_params(store, run_id, flat(params))
    stages = sorted(stages)
    for stage in stages:
        tags = store.client.get_run(run_id).data.tags
        found = results.results_digest(stage)
        if tags.get(f"{TAG}projected.{stage}") != found:
            _project_stage(store, run_id, stage, found)
            store.client.set_tag(run_id, f"{TAG}projected.{stage}", found)
    registry.describe(store, run_id, stages, params)


def _project_stage(store: Store, run_id: str, stage: str, found: str) -> None:
    series = Series(store, run_id)
    series.add(0, {_headline(stage, name): v for name, v in results.metrics(stage).items()})
    series.flush()
    for path in results.recorded_files(stage):
        if path.suffix == ".json":
            store.client.log_artifact(run_id, str(path), stage)
    if maker := _maker(store, stage, found):
        store.client.set_tag(run_id, f"{TAG}run.{stage}", maker)
    model.log_faces(store, run_id, stage)
    model.log_onnx(store, run_id, stage)


def _headline(stage: str, name: str) -> str:
    plain = stage in HEADLINE_STAGES or name.startswith(f"{stage}_")
    return name if plain else f"{stage}/{name}"


def _maker(store: Store, stage: str, found: str) -> str | None:
    runs = store.find(
        f"tags.`{TAG}stage` = '{stage}' and tags.`{TAG}results_md5` = '{found}'", everywhere=True
    )
    return next((str(r.info.run_id) for r in runs if PARENT in r.data.tags), None)


def log_params(store: Store, run_id: str, values: dict[str, str]) -> None:
    """Log params that the run does not have yet; MLflow's are never changed."""
    from mlflow.entities import Param

    known = store.client.get_run(run_id).data.params
    new = [Param(name, value[:VALUE_LENGTH]) for name, value in values.items() if name not in known]
    for start in range(0, len(new), PARAMS_BATCH):
        store.client.log_batch(run_id, params=new[start : start + PARAMS_BATCH])


def flat(params: Any) -> dict[str, str]:
    """Params as {`section.key`: text}; of the named spaces, only the one in use."""
    tree = params.model_dump(mode="json")
    tree["spaces"] = {params.space: tree["spaces"][params.space]}
    return dict(_leaves(tree))


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)
