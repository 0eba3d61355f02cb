"""Copies the stages' result files to MLflow. Doing it twice changes nothing."""

import json
import math
import re
import time
from collections.abc import Iterable
from typing import Any

from stages.params import leaves
from stages.results import Results
from stages.tracking import model
from stages.tracking.stage_files import (
    STEP_COLUMNS,
    history,
    numbers,
    recorded_files,
    results_digest,
)
from stages.tracking.store import PARENT, TAG, Store, attempt

HEADLINE_STAGES = frozenset({"export", "bench"})
"""On the parent run their numbers have their own names; other stages' begin with the stage's."""
METRICS_BATCH, PARAMS_BATCH = 1000, 100
"""Most metrics and params that MLflow takes in one call."""
VALUE_LENGTH = 6000
FORBIDDEN = re.compile(r"[^\w\-. /:]")


class Series:
    """Metrics of one run over steps: sent in batches, each once, kept while the store is away.

    Adding the same name and step again changes nothing.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        self.store = store
        self.run_id = run_id
        self._seen: set[tuple[str, int]] = set()
        self._pending: list[Any] = []
        self._away = False

    def log(self, step: int, figures: dict[str, float]) -> None:
        """Record the figures of a step (an epoch). Never raises: training goes on."""
        self.add(step, figures)
        if not self._away:
            self._away = not attempt("logging (kept for the end of the stage)", self.flush)

    def add(self, step: int, figures: dict[str, float]) -> None:
        """Queue figures for the next flush, without inf and NaN, which a store would alter."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        for name, value in figures.items():
            key = (FORBIDDEN.sub("_", name), step)
            if math.isfinite(value) and name not in STEP_COLUMNS and key not in self._seen:
                self._seen.add(key)
                self._pending.append(Metric(key[0], value, now, step))

    def flush(self) -> None:
        """Send what is queued, in as few calls as possible."""
        while self._pending:
            self.store.client.log_batch(self.run_id, metrics=self._pending[:METRICS_BATCH])
            del self._pending[:METRICS_BATCH]


def project_child(series: Series, stage: str, results: Results) -> None:
    """Copy a stage's numbers, history and files to the run that made them."""
    for step, figures in history(results, stage):
        series.add(step, figures)
    series.add(0, numbers(results, stage))
    series.flush()
    client = series.store.client
    for path in recorded_files(results, stage):
        client.log_artifact(series.run_id, str(path))
    client.set_tag(series.run_id, f"{TAG}results_md5", results_digest(results, stage))


def project_parent(
    store: Store, run_id: str, stages: Iterable[str], params: Any, results: Results
) -> None:
    """Copy params, headline numbers, small JSON files, faces and model of `stages` to the parent.

    A stage that DVC skipped is linked to the run that made its results, by their md5.
    """
    log_params(store, run_id, flat(params))
    stages = sorted(stages)
    for stage in stages:
        tags = store.client.get_run(run_id).data.tags
        digest = results_digest(results, stage)
        if tags.get(f"{TAG}projected.{stage}") != digest:
            _project_stage(store, run_id, stage, digest, results)
            store.client.set_tag(run_id, f"{TAG}projected.{stage}", digest)
    if model.CARD_STAGES.intersection(stages):
        model.update_card(store, run_id, params, results)


def _project_stage(store: Store, run_id: str, stage: str, digest: str, results: Results) -> None:
    series = Series(store, run_id)
    for name, value in numbers(results, stage).items():
        plain = stage in HEADLINE_STAGES or name.startswith(f"{stage}_")
        series.add(0, {name if plain else f"{stage}/{name}": value})
    series.flush()
    for path in recorded_files(results, stage):
        if path.suffix == ".json":
            store.client.log_artifact(run_id, str(path), stage)
    condition = f"tags.`{TAG}stage` = '{stage}' and tags.`{TAG}results_md5` = '{digest}'"
    children = [run for run in store.find(condition, everywhere=True) if PARENT in run.data.tags]
    if children:
        store.client.set_tag(run_id, f"{TAG}run.{stage}", children[0].info.run_id)
    if stage == "fetch":
        model.log_faces(store, run_id, results)
    if stage == "export":
        model.log_onnx(store, run_id, results)


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
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in leaves(tree)}
