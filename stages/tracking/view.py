"""The comparison view of an experiment: NME against cost, and parallel coordinates.

MLflow's "Share" button stores a view as a tag of the experiment. The same tag written here gives
every user the charts under `ADDRESS`.
"""

import json
from typing import Any

KEY = "compare"
TAG = f"mlflow.sharedViewState.{KEY}"
ADDRESS = f"#/experiments/{{experiment}}/runs?viewStateShareKey={KEY}&compareRunsMode=CHART"
SECTION = "fbnet-compare"
COSTS = ("latency_ms", "macs", "size_kb")
WHOLE = "metrics.nme > 0 and metrics.latency_ms > 0"
"""Filter for runs of whole pipelines: the run of a single stage has one or the other."""
SWEPT = ("search.beta", "search.seed")


def share(client: Any, experiment: Any) -> None:
    """Write the view to the experiment, unless it is there."""
    view = json.dumps(_view(), separators=(",", ":"))
    if experiment.tags.get(TAG) != view:
        client.set_experiment_tag(experiment.experiment_id, TAG, view)


def _view() -> dict[str, Any]:
    """The view as MLflow's page writes it."""
    x_axes = {cost: {"key": cost, "type": "METRIC"} for cost in COSTS}
    y_axis = {"key": "nme", "type": "METRIC"}
    scatters = [_chart("SCATTER", f"nme-{c}", xaxis=x, yaxis=y_axis) for c, x in x_axes.items()]
    lines = _chart(
        "PARALLEL",
        "parallel",
        selectedParams=list(SWEPT),
        selectedMetrics=["macs", "latency_ms", "retrain_val_nme", "nme"],
        showAllRuns=False,
    )
    section = {
        "uuid": SECTION,
        "name": "NME against cost",
        "display": True,
        "isReordered": True,
        "columns": 2,
        "cardHeight": 330,
    }
    return {
        "compareRunCharts": [*scatters, lines],
        "compareRunSections": [section],
        "isAccordionReordered": True,  # MLflow's own sections come after it
        "searchFilter": WHOLE,
        "runsHiddenMode": "SHOWALL",
        "orderByKey": "metrics.`nme`",
        "orderByAsc": True,
    }


def _chart(kind: str, name: str, **settings: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": f"fbnet-{name}",
        "metricSectionId": SECTION,
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
        **settings,
    }
