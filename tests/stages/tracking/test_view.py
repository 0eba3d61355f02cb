"""The shared view of an experiment is what MLflow's page expects."""

import json

from stages.params import MlflowParams
from stages.tracking import view
from stages.tracking.store import connect

LONGEST_TAG = 5000
"""Of an experiment, in MLflow's database."""


def test_every_experiment_has_the_view_and_it_is_written_once(store, monkeypatch):
    tags = store.client.get_experiment(store.experiment).tags
    shown = json.loads(tags[view.TAG])
    assert len(tags[view.TAG]) < LONGEST_TAG
    calls = []
    monkeypatch.setattr(type(store.client), "set_experiment_tag", lambda *a: calls.append(a))
    connect(MlflowParams())
    assert calls == []
    charts = {chart["uuid"]: chart for chart in shown["compareRunCharts"]}
    scatter = charts["fbnet-nme-latency_ms"]
    assert (scatter["xaxis"]["key"], scatter["yaxis"]["key"]) == ("latency_ms", "nme")
    assert charts["fbnet-parallel"]["type"] == "PARALLEL"
    assert shown["searchFilter"] == "metrics.nme > 0 and metrics.latency_ms > 0"
    (section,) = shown["compareRunSections"]
    assert {chart["metricSectionId"] for chart in charts.values()} == {section["uuid"]}
