"""The comparison that MLflow's page opens with: NME against cost, and parallel coordinates.

MLflow keeps what its "Share" button makes as tags of the experiment. The same tag written here
gives every user the charts without a click.
"""

import json
from typing import Any

KEY = "compare"
TAG = f"mlflow.sharedViewState.{KEY}"
ADDRESS = f"#/experiments/{{experiment}}/runs?viewStateShareKey={KEY}&compareRunsMode=CHART"
SECTION = "fbnet-compare"
COSTS = ("latency_ms", "macs", "size_kb")
WHOLE = "metrics.nme > 0 and metrics.latency_ms > 0"
"""Runs of whole pipelines: a single stage's has one or the other."""
SWEPT = ("search.beta", "search.seed")


def share(client: Any, experiment: Any) -> None:
    """Give the experiment the view, unless it has it."""
    view = json.dumps(_view(), separators=(",", ":"))
    if experiment.tags.get(TAG) != view:
        client.set_experiment_tag(experiment.experiment_id, TAG, view)


def _view() -> dict[str, Any]:
    scatters = [_card("SCATTER", f"nme-{c}", xaxis=_axis(c), yaxis=_axis("nme")) for c in COSTS]
    lines = _card(
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


def _axis(metric: str) -> dict[str, str]:
    return {"key": metric, "type": "METRIC"}


def _card(kind: str, name: str, **settings: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": f"fbnet-{name}",
        "metricSectionId": SECTION,
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
        **settings,
    }
