"""Copies the stages' result files to MLflow. Doing it twice changes nothing."""

import hashlib
import json
import math
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fbnet.files import digest
from stages.lock_file import folder_digest
from stages.params import leaves
from stages.records import STEP_COLUMNS, history, numbers
from stages.results import Results
from stages.tracking import model, ui
from stages.tracking.store import FACES, PARENT, TAG, Store, as_row, attempt

PRIVATE = frozenset({"preview.png", "faces.png", "worst.png", "errors.csv"})
"""They show or name people: they stay on this machine, whatever the tracking server."""
HEADLINE_STAGES = frozenset({"export", "bench"})
"""On the parent run their numbers have their own names; other stages' begin with the stage's."""
CURVES = "curves"
"""On the parent run, metrics over epochs: MLflow's page shows this group's charts first."""
SHOWN_ONCE = HEADLINE_STAGES | {"report"}
SAME_AS = f"{TAG}same_as"
"""Tag with the older run that has the same results."""
TRIAL = "tiny"
"""The profile whose runs are compared with each other alone."""
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


def recorded_files(results: Results, stage: str) -> list[Path]:
    """The small result files of a stage that a run keeps: tables and charts, no faces, no nets."""
    return sorted(
        path
        for path in results.folder(stage).glob("*")
        if path.suffix in {".json", ".csv", ".png"} and path.name not in PRIVATE
    )


def shown_files(results: Results, stage: str, rendered: bool) -> list[Path]:
    """Of those, what the parent run shows; with pictures of the faces where they are `rendered`."""
    paths = {p for p in recorded_files(results, stage) if p.suffix in {".json", ".png"}}
    if rendered:
        paths |= {p for p in results.folder(stage).glob("*.png") if p.name in PRIVATE}
    return sorted(paths)


def results_digest(results: Results, stage: str) -> str:
    """md5 over the recorded files: equal for the run that made them and for one that reads them."""
    record = [(path.name, digest(path, "md5")) for path in recorded_files(results, stage)]
    return hashlib.md5(json.dumps(record).encode()).hexdigest()


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
    """Copy params, numbers, curves, small files, faces and model of `stages` to the parent.

    A stage that DVC skipped is linked to the run that made its results, by their md5. Where an
    older run has this very model and its latency, this one links to it: one result is shown once.
    """
    log_params(store, run_id, flat(params))
    digests = {stage: results_digest(results, stage) for stage in sorted(stages)}
    if faces := _faces_key(store, run_id, results):
        store.client.set_tag(run_id, FACES, faces)
    older = _run_with(store, digests, run_id) if digests.keys() >= HEADLINE_STAGES else None
    if older:
        store.client.set_tag(run_id, SAME_AS, older)
        digests = {s: md5 for s, md5 in digests.items() if s not in SHOWN_ONCE}
    for stage, md5 in digests.items():
        tags = store.client.get_run(run_id).data.tags
        if tags.get(f"{TAG}projected.{stage}") != md5:
            _project_stage(store, run_id, stage, md5, params, results)
            store.client.set_tag(run_id, f"{TAG}projected.{stage}", md5)
    if model.CARD_STAGES & digests.keys():
        model.describe(store, run_id, params, results)
    if faces and digests.keys() >= HEADLINE_STAGES:
        ui.share(store.client, store.client.get_experiment(store.experiment), faces)
    if store.settings.register_model:
        model.register(store, older or run_id)


def _run_with(store: Store, digests: Mapping[str, str], besides: str) -> str | None:
    """The oldest finished run, not `besides`, that shows the results of these stages."""
    shown = [f"tags.`{TAG}projected.{s}` = '{digests[s]}'" for s in sorted(HEADLINE_STAGES)]
    runs = store.find(" and ".join(["attributes.status = 'FINISHED'", *shown]))
    ids = [run.info.run_id for run in runs if run.info.run_id != besides]
    return str(ids[-1]) if ids else None


def _faces_key(store: Store, run_id: str, results: Results) -> str | None:
    """What NMEs may be compared within: the digest of the faces, and the profile if it is a trial.

    None without faces.
    """
    if not results.faces.is_dir():
        return None
    profile = store.client.get_run(run_id).data.tags.get(model.PROFILE_TAG)
    return f"{TRIAL}-" * (profile == TRIAL) + folder_digest(results.faces)[:8]


def _project_stage(
    store: Store, run_id: str, stage: str, md5: str, params: Any, results: Results
) -> None:
    series = Series(store, run_id)
    for name, value in numbers(results, stage).items():
        plain = stage in HEADLINE_STAGES or name.startswith(f"{stage}_")
        series.add(0, {name if plain else f"{stage}/{name}": value})
    for step, figures in history(results, stage):
        series.add(step, {f"{CURVES}/{stage}_{name}": value for name, value in figures.items()})
    series.flush()
    for path in shown_files(results, stage, model.is_rendered(results)):
        store.client.log_artifact(run_id, str(path), stage)
    condition = f"tags.`{TAG}stage` = '{stage}' and tags.`{TAG}results_md5` = '{md5}'"
    children = [run for run in store.find(condition, everywhere=True) if PARENT in run.data.tags]
    if children:
        store.client.set_tag(run_id, f"{TAG}run.{stage}", children[0].info.run_id)
    if stage == "fetch":
        model.log_faces(store, run_id, results)
    if stage == "export":
        model.log_models(store, run_id, results)
    if stage == "report":
        _log_pages(store, run_id, params, results)


def _log_pages(store: Store, run_id: str, params: Any, results: Results) -> None:
    """The report, without pictures unless the faces are rendered, and the Pareto page."""
    from stages.page.report import report
    from stages.page.runs import runs_page

    p, rendered = params.report, model.is_rendered(results)
    faces, worst = (p.faces, p.worst) if rendered else (0, 0)
    page = report(results, faces, worst, Path(p.baselines))
    store.client.log_text(run_id, page, "report.html")
    key = store.client.get_run(run_id).data.tags.get(FACES)
    runs = store.find(f"tags.`{FACES}` = '{key}' and metrics.nme > 0")
    rows = [as_row(run) for run in reversed(runs) if PARENT not in run.data.tags]
    store.client.log_text(run_id, runs_page(rows), "pareto.html")


def log_params(store: Store, run_id: str, values: dict[str, str]) -> None:
    """Log params that the run does not have yet; MLflow's are never changed."""
    from mlflow.entities import Param

    known = store.client.get_run(run_id).data.params
    allowed = {FORBIDDEN.sub("_", name): value[:VALUE_LENGTH] for name, value in values.items()}
    new = [Param(name, value) for name, value in allowed.items() if name not in known]
    for start in range(0, len(new), PARAMS_BATCH):
        store.client.log_batch(run_id, params=new[start : start + PARAMS_BATCH])


def flat(params: Any) -> dict[str, str]:
    """Params as {`section.key`: text}; of the named spaces, only the one in use."""
    tree = params.model_dump(mode="json")
    tree["spaces"] = {params.space: tree["spaces"][params.space]}
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in leaves(tree)}
