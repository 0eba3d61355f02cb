"""The real commands on the tiny profile, in scratch clones: minutes in all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.params import render

ROOT = Path(__file__).parents[3]
STAGES = ("fetch", "lut", "search", "retrain", "export", "bench", "report")
TIMED = ("results/lut/latency.json", "results/lut/heatmap.png")
KILLED = ("search", "retrain")
"""Stages of `interrupted` that are killed, one after the other."""
POLL_S = 0.02

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("pipeline")]


def environment():
    """Ours, with the running interpreter's commands first, as in an activated venv."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "DVC_", "COV_"))}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def call(clone, *command):
    """Run a command; returns what it printed. A failure shows all of it."""
    done = subprocess.run(
        command,
        cwd=clone,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """The working tree as it stands, committed, on the tiny profile with the exact cost table."""
    folder = tmp_path_factory.mktemp("origin")
    listed = ("git", "ls-files", "-co", "--exclude-standard", "-z")
    for name in subprocess.check_output(listed, cwd=ROOT, text=True).split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / "params.yaml").write_text(render({"search": {"cost": "macs"}}))
    call(folder, "python", "-m", "stages.cli", "profile", "tiny", "--write")
    for command in (
        ("git", "init", "-q"),
        ("git", "config", "user.name", "test"),
        ("git", "config", "user.email", "test@localhost"),
        ("git", "add", "-A"),
        ("git", "commit", "-qm", "tiny"),
    ):
        call(folder, *command)
    return folder


@pytest.fixture(scope="module")
def first(origin, tmp_path_factory):
    """A clone whose pipeline ran through."""
    clone = clone_of(origin, tmp_path_factory.mktemp("first"))
    call(clone, "dvc", "repro")
    return clone


@pytest.fixture(scope="module")
def interrupted(origin, tmp_path_factory):
    """A clone killed in search and in retraining, after an epoch each, that then ran through."""
    clone = clone_of(origin, tmp_path_factory.mktemp("interrupted"))
    for stage in KILLED:
        kill_in(stage, clone)
        assert not (clone / f"results/{stage}/metrics.json").exists()
    call(clone, "dvc", "repro")
    return clone


def clone_of(origin, folder):
    """A clone of its own."""
    call(folder, "git", "clone", "-q", str(origin), ".")
    for name, value in (("name", "test"), ("email", "test@localhost")):
        call(folder, "git", "config", f"user.{name}", value)
    return folder


def kill_in(stage, clone):
    """Start the pipeline and kill all of it, without warning, once the stage has a checkpoint."""
    process = subprocess.Popen(
        ("dvc", "repro"),
        cwd=clone,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not list(clone.glob(f".checkpoints/{stage}-*/**/state.pt")):
            assert not ended(process), f"{stage} left no checkpoint"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ended(process):
    try:
        process.wait(timeout=POLL_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def lock_of(clone):
    """dvc.lock as {stage: entry}, without what is timed."""
    stages = YAML(typ="safe").load(clone / "dvc.lock")["stages"]
    for entry in stages.values():
        entry["outs"] = [out for out in entry["outs"] if out["path"] not in TIMED]
    return stages


def store_of(clone):
    """A client on the clone's runs, and the runs by experiment."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{clone}/mlflow.db")
    ids = [e.experiment_id for e in client.search_experiments()]
    return client, client.search_runs(ids, order_by=["attributes.start_time ASC"])


def test_every_stage_ran_and_left_its_outputs(first):
    pipeline = YAML(typ="safe").load(first / "dvc.yaml")["stages"]
    assert tuple(pipeline) == STAGES
    for entry in pipeline.values():
        for out in entry["outs"]:
            assert (first / (out if isinstance(out, str) else next(iter(out)))).exists()


def test_a_second_run_finds_nothing_to_do(first):
    before = (first / "dvc.lock").read_bytes()
    shown = call(first, "dvc", "repro")
    assert "Running stage" not in shown
    assert "up to date" in call(first, "dvc", "status")
    assert (first / "dvc.lock").read_bytes() == before


def test_git_sees_nothing_but_the_lock_and_the_metrics(first):
    seen = {line.split()[-1] for line in call(first, "git", "status", "-s", "-uall").splitlines()}
    metrics = {
        f"results/{stage}/metrics.json" for stage in STAGES if stage not in ("lut", "report")
    }
    assert seen <= {"dvc.lock"} | metrics


def test_runs_are_recorded_as_parent_and_children(first):
    client, runs = store_of(first)
    parent, *children = runs[: 1 + len(STAGES)]
    assert [c.data.tags["fbnet.stage"] for c in children] == list(STAGES)
    assert {c.data.tags["mlflow.parentRunId"] for c in children} == {parent.info.run_id}
    assert {r.info.status for r in (parent, *children)} == {"FINISHED"}
    assert {"nme", "auc_10", "size_kb", "latency_ms"} <= parent.data.metrics.keys()
    assert [d.dataset.name for d in parent.inputs.dataset_inputs] == ["faces"]
    assert len(parent.outputs.model_outputs) == 2  # for crops and for photographs
    search = children[STAGES.index("search")]
    epochs = client.get_metric_history(search.info.run_id, "val_nme")
    assert [m.step for m in epochs] == [1, 2, 3]


def test_the_digest_of_the_faces_is_that_of_dvc(first):
    _, (parent, *_) = store_of(first)
    (faces,) = parent.inputs.dataset_inputs
    outs = {o["path"]: o["md5"] for o in lock_of(first)["fetch"]["outs"]}
    assert f"{faces.dataset.digest}.dir" == outs["results/fetch/faces"]


def test_two_clones_agree_byte_for_byte_though_one_was_killed(first, interrupted):
    ours, theirs = lock_of(first), lock_of(interrupted)
    for stage in ("fetch", "lut", "search", "retrain", "export"):
        assert ours[stage] == theirs[stage]


def test_the_killed_runs_are_closed_as_killed(interrupted):
    _, runs = store_of(interrupted)
    status = [(r.data.tags.get("fbnet.stage", "parent"), r.info.status) for r in runs]
    killed = [("parent", "KILLED"), ("fetch", "FINISHED"), ("lut", "FINISHED")]
    killed += [("search", "KILLED")]
    killed += [("parent", "KILLED"), ("search", "FINISHED"), ("retrain", "KILLED")]
    again = [("parent", "FINISHED"), *((stage, "FINISHED") for stage in STAGES[3:])]
    assert status == [*killed, *again]


@pytest.mark.parametrize(
    ("arguments", "ran"),
    [((), set()), (("-P", "overrides=bench.warmup=3"), {"bench", "report"})],
    ids=["all cached", "an override"],
)
def test_mlflow_run_shows_all_results_whatever_ran(first, arguments, ran):
    before = {r.info.run_id for r in store_of(first)[1]}
    call(first, "mlflow", "run", ".", "--env-manager", "local", *arguments)
    client, runs = store_of(first)
    started = [r for r in runs if r.info.run_id not in before]
    (given,) = [r for r in started if "mlflow.project.backend" in r.data.tags]
    parent = client.get_run(given.data.tags["fbnet.run"])
    assert (given.info.status, parent.info.status) == ("FINISHED", "FINISHED")
    assert parent.info.lifecycle_stage == "active"
    assert {r.data.tags["fbnet.stage"] for r in started if "fbnet.stage" in r.data.tags} == ran
    assert {"nme", "latency_ms", "search_val_nme"} <= parent.data.metrics.keys()
    assert len(parent.outputs.model_outputs) == 2  # for crops and for photographs


def test_an_override_holds_for_one_run_and_the_next_brings_the_results_back(first):
    """From DVC's run cache: nothing is trained again."""
    params, metrics = first / "params.yaml", first / "results/export/metrics.json"
    call(first, "python", "-m", "stages.pipeline")
    before, scored = params.read_bytes(), metrics.read_bytes()
    changed = call(first, "python", "-m", "stages.pipeline", "-S", "export.jitter=0.2")
    assert "Running stage 'export'" in changed and "export.jitter: 0.2 (0.1)" in changed
    assert params.read_bytes() == before
    assert metrics.read_bytes() != scored
    again = call(first, "python", "-m", "stages.pipeline")
    assert "Running stage" not in again
    assert metrics.read_bytes() == scored
