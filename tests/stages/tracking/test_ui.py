"""The shared views of an experiment are what MLflow's page expects."""

import json

import pytest

from fbnet.errors import BadInput
from stages.tracking import ui
from stages.tracking.runs import start_parent
from stages.tracking.ui import addresses

LONGEST_TAG = 5000
"""Of an experiment, in MLflow's database."""


@pytest.fixture(autouse=True)
def run(store):
    """A run of the pipeline has started."""
    start_parent(store, "owner", None, {})


def tags_of(store):
    return store.client.get_experiment(store.experiment).tags


def test_every_experiment_has_the_view_and_it_is_written_once(store, monkeypatch):
    tags = tags_of(store)
    text = tags[f"{ui.SHARED}compare"]
    shown = json.loads(text)
    assert len(text) < LONGEST_TAG
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    calls = []
    monkeypatch.setattr(type(store.client), "set_experiment_tag", lambda *a: calls.append(a))
    start_parent(store, "owner", None, {})
    assert calls == []
    charts = {chart["uuid"]: chart for chart in shown["compareRunCharts"]}
    scatter = charts["fbnet-nme-latency_ms"]
    assert (scatter["xaxis"]["key"], scatter["yaxis"]["key"]) == ("latency_ms", "nme")
    assert charts["fbnet-parallel"]["type"] == "PARALLEL"
    assert shown["searchFilter"] == "metrics.nme > 0 and metrics.latency_ms > 0"
    assert "metrics.`nme`" in shown["selectedColumns"]
    sections = {section["uuid"] for section in shown["compareRunSections"]}
    assert {chart["metricSectionId"] for chart in charts.values()} == sections


def test_an_experiment_without_runs_of_the_pipeline_is_one_line(store):
    store.client.create_experiment("another")
    with pytest.raises(BadInput, match="another: holds no run of the pipeline"):
        addresses("another", "")


def test_each_face_set_has_a_view_and_compare_is_the_last_one(store):
    for faces in ("tiny-12", "34"):
        ui.share(store.client, store.client.get_experiment(store.experiment), faces)
    start_parent(store, "owner", None, {})
    tags = tags_of(store)
    of_set = json.loads(tags[f"{ui.SHARED}compare-tiny-12"])
    assert of_set["searchFilter"].endswith("and tags.`fbnet.faces` = 'tiny-12'")
    assert tags[f"{ui.SHARED}compare"] == tags[f"{ui.SHARED}compare-34"]
    lines = addresses("fbnet-pfld", "http://host")
    assert len(lines) == 6 and "workflowType=machine_learning" in lines[0]
