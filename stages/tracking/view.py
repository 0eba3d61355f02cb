"""The view of an experiment: columns that matter, NME against cost, parallel coordinates.

MLflow's "Share" button stores a view as a tag of the experiment. The same tag written here gives
every user the table and the charts under `ADDRESS`. Runs scored on other faces do not compare:
there is a view for each face set, and `compare` is that of the latest run.
"""

import json
from typing import Any

KEY = "compare"
SHARED = "mlflow.sharedViewState."
ADDRESS = "#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={key}"
CHARTS = "&compareRunsMode=CHART"
"""Appended to the address of the table: its charts."""
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Tag by which MLflow's page opens on training runs instead of traces."""
COSTS = ("latency_ms", "macs", "size_kb")
WHOLE = "metrics.nme > 0 and metrics.latency_ms > 0"
"""Filter for runs of whole pipelines: the run of a single stage has one or the other."""
SWEPT = ("search.beta", "search.seed")
COLUMNS = (
    "attributes.`Created`",
    *(f"metrics.`{name}`" for name in ("nme", "retrain_val_nme", *COSTS)),
    *(f"params.`{name}`" for name in ("search.cost", "search.mode", *SWEPT)),
)


def share(client: Any, experiment: Any, faces: str | None = None) -> None:
    """Write the views to the experiment, unless they are there; those of `faces`, or without."""
    tags = KIND | {f"{SHARED}{KEY}": _view(faces)}
    if faces:
        tags[f"{SHARED}{KEY}-{faces}"] = _view(faces)
    for name, value in tags.items():
        # A view without faces is for an experiment that has no run yet.
        if (name not in experiment.tags) if faces is None else experiment.tags.get(name) != value:
            client.set_experiment_tag(experiment.experiment_id, name, value)


def _view(faces: str | None) -> str:
    """The view as MLflow's page writes it."""
    x_axes = {cost: {"key": cost, "type": "METRIC"} for cost in COSTS}
    y_axis = {"key": "nme", "type": "METRIC"}
    scatters = [
        _chart("SCATTER", f"nme-{c}", "cost", xaxis=x, yaxis=y_axis) for c, x in x_axes.items()
    ]
    lines = _chart(
        "PARALLEL",
        "parallel",
        "params",
        selectedParams=list(SWEPT),
        selectedMetrics=["macs", "latency_ms", "retrain_val_nme", "nme"],
        showAllRuns=False,
    )
    view = {
        "selectedColumns": list(COLUMNS),
        "compareRunCharts": [*scatters, lines],
        "compareRunSections": [
            _section("cost", "NME against cost", len(scatters), 330),
            _section("params", "From params to results", 1, 400),
        ],
        "isAccordionReordered": True,  # MLflow's own sections come after these
        "searchFilter": WHOLE + (f" and tags.`fbnet.faces` = '{faces}'" if faces else ""),
        "runsHiddenMode": "SHOWALL",
        "orderByKey": "metrics.`nme`",
        "orderByAsc": True,
    }
    return json.dumps(view, separators=(",", ":"))


def _section(name: str, title: str, columns: int, height: int) -> dict[str, Any]:
    return {
        "uuid": f"fbnet-{name}",
        "name": title,
        "display": True,
        "isReordered": True,
        "columns": columns,
        "cardHeight": height,
    }


def _chart(kind: str, name: str, section: str, **settings: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": f"fbnet-{name}",
        "metricSectionId": f"fbnet-{section}",
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
        **settings,
    }
