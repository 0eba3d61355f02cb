"""Tracking against real SQLite stores in temporary folders."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest
from onnx import TensorProto, helper

from fbnet.errors import BadInput
from stages import revision
from stages.params import MlflowParams, Params
from stages.results import Results
from stages.tracking import (
    address,
    pipeline_run,
    processes,
    projection,
    register,
    runs,
    stage_run,
)
from stages.tracking.store import connect
from tests.stages.test_lock_file import leave_results, lock_results
from tests.waiting import started

ROOT = Path(__file__).parents[3]
PARAMS = Params()
RESULTS = Results()


def run(stage, params=PARAMS, value=0.5, epochs=0):
    with stage_run(stage, params) as log:
        for epoch in range(1, epochs + 1):
            log(epoch, {"epoch": epoch, "loss": value / epoch})
        leave_results(stage, value, epochs)


def runs_of(store):
    """(parents, children), oldest first."""
    all_runs = store.find("attributes.status != 'x'", everywhere=True)[::-1]
    children = [r for r in all_runs if "mlflow.parentRunId" in r.data.tags]
    return [r for r in all_runs if r not in children], children


def history_of(store, run, name):
    return [(m.step, m.value) for m in store.client.get_metric_history(run.info.run_id, name)]


def artifacts_of(store, run, folder=None):
    return sorted(a.path for a in store.client.list_artifacts(run.info.run_id, folder))


def test_a_stage_leaves_a_parent_and_a_child(store):
    run("search", epochs=3)
    (parent,), (child,) = runs_of(store)
    assert (parent.info.status, child.info.status) == ("FINISHED", "FINISHED")
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert child.data.tags["fbnet.stage"] == "search"
    assert child.data.tags["fbnet.results_md5"] == projection.results_digest(RESULTS, "search")
    assert child.data.metrics == {"loss": pytest.approx(0.5 / 3), "nme": 0.5, "inner.count": 3}
    assert history_of(store, child, "loss") == [(e, 0.5 / e) for e in (1, 2, 3)]
    assert artifacts_of(store, child) == ["details.json", "history.csv", "metrics.json"]
    assert child.data.params["search.epochs"] == str(PARAMS.search.epochs)
    assert parent.data.params["retrain.epochs"] == str(PARAMS.retrain.epochs)
    assert parent.data.metrics == {
        "curves/search_loss": pytest.approx(0.5 / 3), "search/nme": 0.5, "search/inner.count": 3,
    }  # fmt: skip
    assert history_of(store, parent, "curves/search_loss") == [(e, 0.5 / e) for e in (1, 2, 3)]
    assert parent.data.tags["fbnet.run.search"] == child.info.run_id
    assert artifacts_of(store, parent, "search") == ["search/details.json", "search/metrics.json"]


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("x"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_an_interrupted_stage_is_closed_by_what_stopped_it(store, error, status):
    with pytest.raises(type(error)), stage_run("search", PARAMS):
        raise error
    (parent,), (child,) = runs_of(store)
    assert (parent.info.status, child.info.status) == (status, status)
    assert parent.data.metrics == {}


def test_a_failed_stage_leaves_the_parent_failed(store):
    with pytest.raises(ValueError), stage_run("lut", PARAMS):
        raise ValueError
    run("search")
    (parent,), children = runs_of(store)
    assert [c.info.status for c in children] == ["FAILED", "FINISHED"]
    assert parent.info.status == "FAILED"


def test_a_second_attempt_is_a_new_child_with_the_whole_history_once(store):
    with pytest.raises(KeyboardInterrupt), stage_run("search", PARAMS) as log:
        log(1, {"loss": 0.5})
        raise KeyboardInterrupt
    with stage_run("search", PARAMS) as log:
        log(2, {"loss": 0.25})
        log(2, {"loss": 0.25})
        leave_results("search", epochs=3)
    _, (first, second) = runs_of(store)
    assert history_of(store, first, "loss") == [(1, 0.5)]
    assert sorted(history_of(store, second, "loss")) == [(1, 0.5), (2, 0.25), (3, 0.5 / 3)]


def test_stages_of_one_dvc_process_share_a_parent_and_experiments_do_not(store, monkeypatch):
    monkeypatch.setattr(runs, "dvc_above", processes.this_process)
    run("fetch")
    run("lut")
    for name in ("one-exp", "two-exp"):
        monkeypatch.setenv("DVC_EXP_NAME", name)
        run("lut")
    parents, children = runs_of(store)
    of = [c.data.tags["mlflow.parentRunId"] for c in children]
    assert of == [parents[i].info.run_id for i in (0, 0, 1, 2)]
    assert [p.info.run_name for p in parents[1:]] == ["one-exp", "two-exp"]


def test_dvc_is_recognised_among_the_processes_above(tmp_path):
    tool = tmp_path / "dvc"
    tool.write_text(
        "import subprocess, sys, os\n"
        "code = 'from stages.tracking.processes import dvc_above; print(dvc_above())'\n"
        "print(os.getpid(), flush=True)\n"
        "subprocess.run([sys.executable, '-c', code], check=True)\n"
    )
    done = subprocess.run(
        [sys.executable, tool], capture_output=True, text=True, check=True, cwd=ROOT
    )
    pid, owner = done.stdout.split()
    assert owner.split(":")[1] == pid


def test_below_mlflow_run_children_go_under_its_run_and_leave_it_open(store, monkeypatch):
    given = store.client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    run("export", value=0.25)
    (parent,), (child,) = runs_of(store)
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id == given
    assert child.info.experiment_id == "0"
    assert (parent.info.status, child.info.status) == ("RUNNING", "FINISHED")
    assert parent.data.metrics["nme"] == 0.25


def test_a_run_id_of_another_store_is_bad_input(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    with pytest.raises(BadInput, match="MLFLOW_RUN_ID"), stage_run("lut", PARAMS):
        pytest.fail("the body must not run")


STUCK = """
from stages.params import Params
from stages.tracking import stage_run
with stage_run("search", Params()) as log:
    log(1, {"loss": 1.0})
    print("ready", flush=True)
    input()
"""


def test_runs_of_a_killed_process_are_closed_by_the_next_start(store):
    with started(
        [sys.executable, "-c", STUCK],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        connect(PARAMS.mlflow)
        assert {r.info.status for group in runs_of(store) for r in group} == {"RUNNING"}
        process.kill()
    run("search")
    parents, children = runs_of(store)
    assert [r.info.status for r in parents] == ["KILLED", "FINISHED"]
    assert [r.info.status for r in children] == ["KILLED", "FINISHED"]


def test_a_parent_whose_child_still_works_is_left_open(store):
    """`dvc` was killed, its stage goes on."""
    gone = f"{platform.node()}:{psutil.pids()[-1]}:1.00"
    parent = store.client.create_run(store.experiment, tags={"fbnet.owner": gone})
    tags = {"fbnet.owner": processes.this_process(), "mlflow.parentRunId": parent.info.run_id}
    child = store.client.create_run(store.experiment, tags=tags)
    connect(PARAMS.mlflow)
    assert store.client.get_run(parent.info.run_id).info.status == "RUNNING"
    store.client.set_terminated(child.info.run_id)
    connect(PARAMS.mlflow)
    assert store.client.get_run(parent.info.run_id).info.status == "KILLED"


@pytest.mark.parametrize(
    ("who", "gone"),
    [
        (processes.this_process(), False),
        (processes.this_process().rpartition(":")[0] + ":1.00", True),
        (f"{platform.node()}:4194304:1.00", True),
        ("another-machine:1:1.00", False),
    ],
    ids=["this one", "its pid used again", "no such process", "another machine"],
)
def test_only_processes_of_this_machine_are_known_to_be_gone(who, gone):
    assert processes.is_gone(who) is gone


def test_projecting_twice_changes_nothing(store):
    leave_results("export")
    write_model(RESULTS.onnx)
    parent = store.client.create_run(store.experiment).info.run_id
    for _ in range(2):
        projection.project_parent(store, parent, ["export"], PARAMS, RESULTS)
    projected = store.client.get_run(parent)
    assert history_of(store, projected, "nme") == [(0, 0.5)]
    assert len(projected.outputs.model_outputs) == 2  # for crops and for photographs


def test_new_results_are_projected_again(store):
    parent = store.client.create_run(store.experiment).info.run_id
    for value in (0.5, 0.25):
        leave_results("export", value)
        projection.project_parent(store, parent, ["export"], PARAMS, RESULTS)
    assert store.client.get_run(parent).data.metrics["nme"] == 0.25


def test_a_stage_dvc_skipped_is_linked_to_the_run_that_made_its_results(store, monkeypatch):
    run("retrain", value=0.5)
    run("retrain", value=0.25)
    leave_results("retrain", value=0.5)  # as `dvc checkout` brings it back
    lock_results("retrain")
    monkeypatch.setenv("DVC_EXP_NAME", "another")
    run("export", value=0.1)
    parents, children = runs_of(store)
    shown = parents[-1]
    assert shown.data.tags["fbnet.run.retrain"] == children[0].info.run_id
    assert shown.data.metrics["retrain/nme"] == 0.5
    assert shown.data.metrics["nme"] == 0.1


def write_model(path):
    """A net of one node: mean colour of an image."""
    shape = ["N", 3, 112, 112]
    node = helper.make_node("ReduceMean", ["image"], ["landmarks"], axes=[2, 3], keepdims=0)
    graph = helper.make_graph(
        [node],
        "mean",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, ["N", 3])],
    )
    opset = helper.make_opsetid("", 13)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), str(path))


def test_the_model_has_a_signature_and_can_be_loaded_and_is_registered_when_asked(store):
    import mlflow

    settings = MlflowParams(register_model=True, model_name="faces")
    params = PARAMS.model_copy(update={"mlflow": settings})
    with stage_run("export", params):
        leave_results("export", 0.25)
        write_model(RESULTS.onnx)
    (parent,), _ = runs_of(store)
    model = mlflow.pyfunc.load_model("models:/faces/1")
    spec = model.metadata.signature.inputs.to_dict()[0]
    assert (spec["name"], spec["tensor-spec"]["shape"]) == ("image", (-1, 3, 112, 112))
    predicted = model.predict({"image": np.full((2, 3, 112, 112), 0.25, np.float32)})
    assert predicted["landmarks"] == pytest.approx(0.25)
    logged = store.client.get_logged_model(model.metadata.model_id)
    assert logged.source_run_id == parent.info.run_id
    assert {m.key: m.value for m in logged.metrics}["nme"] == 0.25
    assert "CUDAExecutionProvider" not in json.dumps(model.metadata.flavors)


def test_faces_are_an_input_with_the_digest_of_dvc(store):
    with stage_run("fetch", PARAMS):
        leave_results("fetch")
        RESULTS.faces.mkdir()
        (RESULTS.faces / "images.npy").write_bytes(bytes(1000))
        RESULTS.picture("fetch", "preview").write_bytes(b"people")
    (parent,), (child,) = runs_of(store)
    (faces,) = parent.inputs.dataset_inputs
    # As `dvc add` writes it for this very folder.
    assert faces.dataset.digest == "e005c9085536d7219cbb76e630c7be1c"
    assert "preview.png" not in artifacts_of(store, child)


def test_a_store_that_fails_midway_stops_no_stage(store, monkeypatch, capsys):
    from mlflow.tracking import MlflowClient

    real, calls = MlflowClient.log_batch, []

    def failing(self, run_id, metrics=(), **rest):
        calls.append(len(metrics))
        if len(calls) < 3 and metrics:
            raise ConnectionError("away\nfor now")
        real(self, run_id, metrics=metrics, **rest)

    monkeypatch.setattr(MlflowClient, "log_batch", failing)
    with stage_run("search", PARAMS) as log:
        calls.clear()
        calls.append(0)
        log(1, {"loss": 0.5})
        log(2, {"loss": 0.25})
        assert calls == [0, 1]  # not tried again before the end
        calls.append(0)
        leave_results("search", epochs=2)
    _, (child,) = runs_of(store)
    assert child.info.status == "FINISHED"
    assert history_of(store, child, "loss") == [(1, 0.5), (2, 0.25)]
    assert capsys.readouterr().err.count("\n") == 1


def test_numbers_that_a_store_would_alter_are_left_out(store):
    with stage_run("search", PARAMS) as log:
        log(1, {"a@b": 1.0, "inf": float("inf"), "nan": float("nan")})
    _, (child,) = runs_of(store)
    assert child.data.metrics == {"a_b": 1.0}


def test_a_param_keeps_its_value_under_a_name_that_stores_take(store):
    odd = {"wide (se)": PARAMS.spaces["nni"]}
    run("search", PARAMS.model_copy(update={"space": "wide (se)", "spaces": odd}))
    (parent,), (child,) = runs_of(store)
    assert parent.data.params["space"] == "wide (se)"
    assert parent.data.params["spaces.wide _se_.stem_channels"] == "16"
    assert child.data.params["search.epochs"] == str(PARAMS.search.epochs)


def test_an_unreachable_server_is_bad_input_before_any_work(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    refused = pytest.raises(BadInput, match=r"cannot be reached.*mlflow\.enabled")
    with refused, stage_run("lut", PARAMS):
        pytest.fail("the body must not run")


def test_a_deleted_experiment_is_bad_input(store):
    store.client.delete_experiment(store.experiment)
    with pytest.raises(BadInput, match=r"mlflow\.experiment.*deleted"), stage_run("lut", PARAMS):
        pytest.fail("the body must not run")


@pytest.mark.parametrize("reason", ["off", "not rank zero"])
def test_untracked_stages_touch_no_store(tmp_path, monkeypatch, reason):
    monkeypatch.chdir(tmp_path)
    params = PARAMS
    if reason == "off":
        params = PARAMS.model_copy(update={"mlflow": MlflowParams(enabled=False)})
    else:
        monkeypatch.setenv("LOCAL_RANK", "1")
    run("search", params, epochs=1)
    assert [p.name for p in tmp_path.iterdir()] == ["results"]


def test_the_pipeline_command_shows_cached_results_in_a_run_of_its_own(store):
    run("export", value=0.25)
    lock_results("export")
    with pipeline_run(PARAMS) as variables:
        assert set(variables) == {"MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI"}
    parents, (child,) = runs_of(store)
    assert parents[1].info.run_id == variables["MLFLOW_RUN_ID"]
    assert parents[1].info.status == "FINISHED"
    assert parents[1].data.metrics["nme"] == 0.25
    assert parents[1].data.tags["fbnet.run.export"] == child.info.run_id


def test_a_run_that_skipped_all_is_no_second_result(store):
    run("export", value=0.25)
    run("bench", value=0.25)
    lock_results("export", "bench")
    for _ in range(2):
        with pipeline_run(PARAMS):
            pass
    parents, _ = runs_of(store)
    assert len(parents) == 1 and parents[0].data.metrics["nme"] == 0.25


def test_mlflow_run_leads_to_a_run_in_the_projects_experiment(store, monkeypatch):
    given = store.client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    with pipeline_run(PARAMS) as variables:
        pass
    own = store.client.get_run(variables["MLFLOW_RUN_ID"])
    assert own.info.experiment_id == store.experiment and own.info.status == "FINISHED"
    assert store.client.get_run(given).data.tags["fbnet.run"] == own.info.run_id
    assert store.client.get_run(given).info.status == "RUNNING"  # `mlflow run` ends it


def test_runs_whose_server_died_are_closed_as_they_ended(store, monkeypatch):
    with stage_run("lut", PARAMS):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert {r.info.status for group in runs_of(store) for r in group} == {"RUNNING"}
    kept = Path(".fbnet/ended_runs.json")
    kept.write_text(kept.read_text().replace("http://127.0.0.1:9", address.tracking_uri()))
    connect(PARAMS.mlflow)
    assert {r.info.status for group in runs_of(store) for r in group} == {"FINISHED"}


def test_a_copied_store_keeps_its_artifacts_beside_it(
    store, project, tmp_path_factory, monkeypatch
):
    run("lut")
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(project, copy, dirs_exist_ok=True)
    monkeypatch.chdir(copy)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # which MLflow's client sets
    connect(PARAMS.mlflow)
    run("lut", value=0.25)
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{copy}/mlflow.db")
    here = client.search_runs([store.experiment])
    assert len(here) == 3
    assert {r.info.artifact_uri.startswith(copy.as_uri()) for r in here} == {True}
    assert len(list((project / "mlruns").iterdir())) == 2  # as before


def test_artifacts_of_an_experiment_elsewhere_stay_there(store, tmp_path_factory):
    there = (tmp_path_factory.mktemp("disk") / "mlruns").as_uri()
    store.client.create_experiment("theirs", artifact_location=there)
    connect(PARAMS.mlflow)
    assert store.client.get_experiment_by_name("theirs").artifact_location == there


def test_results_are_registered_after_the_run(store):
    with stage_run("export", PARAMS):
        leave_results("export", 0.25)
        write_model(RESULTS.onnx)
    (parent,), _ = runs_of(store)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    both = "fbnet-pfld version 1, fbnet-pfld-photographs version 1"
    assert [register(), register()] == [both] * 2
    (version,) = store.client.search_model_versions("name = 'fbnet-pfld'")
    assert version.run_id == parent.info.run_id
    assert version.description.startswith("# fbnet-pfld")


def test_uncommitted_changes_are_sent_where_asked_only(store, monkeypatch):
    subprocess.run(["git", "init", "-q"], check=True)
    Path("jane-doe.jpg").touch()
    run("lut")
    asked = MlflowParams(log_changes=True)
    monkeypatch.setenv("DVC_EXP_NAME", "another")
    run("lut", PARAMS.model_copy(update={"mlflow": asked}))
    (silent, open_), _ = runs_of(store)
    assert "uncommitted.diff" not in artifacts_of(store, silent)
    assert "uncommitted.diff" in artifacts_of(store, open_)


@pytest.mark.parametrize(
    ("error", "status"), [(SystemExit(1), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_a_pipeline_that_ends_badly_says_so(store, error, status):
    with pytest.raises(type(error)), pipeline_run(PARAMS):
        raise error
    (parent,), _ = runs_of(store)
    assert parent.info.status == status


def test_only_the_space_in_use_is_logged_and_nothing_changes_a_param(store):
    spaces = PARAMS.spaces | {"other": PARAMS.spaces["nni"]}
    values = projection.flat(PARAMS.model_copy(update={"spaces": spaces}))
    assert not [name for name in values if name.startswith("spaces.other")]
    parent = store.client.create_run(store.experiment).info.run_id
    for value in ("1", "2"):
        projection.log_params(store, parent, {"a": value})
    assert store.client.get_run(parent).data.params == {"a": "1"}


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (None, "sqlite:///{root}/mlflow.db"),
        ("sqlite:///other.db", "sqlite:///{root}/other.db"),
        ("sqlite:////abs/other.db", "sqlite:////abs/other.db"),
        ("http://host:5000", "http://host:5000"),
    ],
)
def test_the_store_lies_in_the_workspace_also_from_a_copy(tmp_path, monkeypatch, given, used):
    monkeypatch.setenv("DVC_ROOT", "/repo")
    monkeypatch.chdir(tmp_path)
    if given:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
    assert address.tracking_uri() == used.format(root="/repo")


def test_uncommitted_code_is_flagged_and_kept(store):
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for command in (["init", "-q"], ["add", "dvc.yaml"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    Path("dvc.lock").write_text("not code")
    Path(".gitignore").write_text("mlflow.db*\nmlruns\n.fbnet\n.gitignore\n")
    run("lut")
    Path("dvc.yaml").write_text("stages: {}\n")
    run("lut")
    (first,), children = runs_of(store)
    assert [c.data.tags["fbnet.dirty"] for c in children] == ["false", "true"]
    assert len(first.data.tags["fbnet.commit"]) == 40


def test_changes_are_diffs_and_untracked_names(project, monkeypatch):
    assert revision.commit() is None
    assert revision.changes() == ""
    subprocess.run(["git", "init", "-q"], check=True)
    Path(".gitignore").write_text("mlflow.db*\n")
    assert revision.changes() == "untracked: .gitignore\nuntracked: dvc.yaml"
