"""dvc.lock tells which results belong to the params, code and inputs as they stand."""

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from fbnet.errors import BadInput
from fbnet.files import digest, write_json, write_text
from stages import lock_file
from stages.results import Results

ROOT = Path(__file__).parents[2]
RESULTS = Results()


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def leave_results(stage, value=0.5, epochs=0):
    """What a stage would leave, small."""
    write_json(RESULTS.metrics(stage), {"nme": value, "text": "a"})
    write_json(RESULTS.details(stage), {"inner": {"count": 3}})
    if epochs:
        rows = [f"{epoch},{value / epoch}" for epoch in range(1, epochs + 1)]
        write_text(RESULTS.history(stage), "\n".join(["epoch,loss", *rows]) + "\n")


def lock_results(*stages, deps=(), params=None):
    """A dvc.lock by which these stages are up to date."""
    entry = {
        stage: {
            "deps": [{"path": path, "md5": md5_of(path)} for path in deps],
            "outs": [
                {"path": RESULTS.metrics(stage).as_posix(), "md5": md5_of(RESULTS.metrics(stage))},
            ],
            "params": {"params.yaml": params or {}},
        }
        for stage in stages
    }
    YAML().dump({"schema": "2.0", "stages": entry}, Path("dvc.lock"))


def md5_of(path):
    """As DVC has it of a file or folder."""
    path = Path(path)
    return f"{lock_file.folder_digest(path)}.dir" if path.is_dir() else digest(path, "md5")


def test_a_file_of_older_weights_is_known(project):
    def weights(text):
        write_text(RESULTS.subnet, text)

    assert not lock_file.exported_before(RESULTS)
    write_text(RESULTS.onnx, "exported")
    weights("old")
    entry = {
        kind: [{"path": path.as_posix(), "md5": md5_of(path)}]
        for kind, path in (("deps", RESULTS.subnet), ("outs", RESULTS.onnx))
    }
    YAML().dump({"schema": "2.0", "stages": {"export": entry}}, Path("dvc.lock"))
    assert not lock_file.exported_before(RESULTS)
    weights("new")
    assert lock_file.exported_before(RESULTS)
    with pytest.raises(BadInput, match=r"subnet\.safetensors; run `dvc repro export bench`"):
        lock_file.require_current_export(RESULTS)
    write_text(RESULTS.onnx, "exported anew, by hand")
    assert not lock_file.exported_before(RESULTS)
    write_text(RESULTS.onnx, "exported")
    RESULTS.subnet.unlink()  # as in a clone
    assert not lock_file.exported_before(RESULTS)


@pytest.mark.parametrize(
    ("change", "current"),
    [
        (lambda: None, ["search"]),
        (lambda: Path("code.py").write_text("new"), []),
        (lambda: Path("code.py").unlink(), []),
        (lambda: Path("fbnet/net.py").write_text("new"), []),
        (lambda: Path("fbnet/other.py").write_text("new"), []),
        (lambda: write_text("fbnet/__pycache__/net.pyc", "new"), ["search"]),
        (lambda: Path("photos/a.jpg").write_text("new"), ["search"]),
        (lambda: leave_results("search", value=0.1), []),
        (lambda: Path("params.yaml").write_text("search: {lr: 2e-3}\n"), []),
        (lambda: Path("params.yaml").write_text("search: {lr: 0.001}\nother: 1\n"), ["search"]),
        (lambda: Path("dvc.lock").unlink(), []),
    ],
    ids=[
        "nothing",
        "code",
        "code removed",
        "package",
        "module added",
        "byte code",
        "user's data",
        "results",
        "param",
        "other param",
        "no lock",
    ],
)
def test_a_stage_is_current_while_nothing_it_depends_on_changes(project, change, current):
    leave_results("search")
    Path("code.py").write_text("old")
    write_text("fbnet/net.py", "old")
    write_text("photos/a.jpg", "old")
    Path("params.yaml").write_text("search: {lr: 1e-3}\n")
    lock_results("search", deps=["code.py", "fbnet", "photos"], params={"search.lr": 0.001})
    change()
    assert lock_file.current_stages(RESULTS) == current


def test_params_are_those_beside_the_results(project):
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    others = Results(project / "other/results")
    for results, epochs in ((RESULTS, 3), (others, 5)):
        write_text(results.onnx, str(epochs))
        out = {"path": "results/export/subnet.onnx", "md5": digest(results.onnx, "md5")}
        entry = {"outs": [out], "params": {"params.yaml": {"retrain.epochs": epochs}}}
        lock = {"schema": "2.0", "stages": {"export": entry}}
        YAML().dump(lock, results.root.parent / "dvc.lock")
        assert lock_file.recorded_params(results).retrain.epochs == epochs
        write_text(results.onnx, "trained again")
        with pytest.raises(BadInput, match=r"dvc\.lock: not of .*onnx; name results beside"):
            lock_file.recorded_params(results)
        (results.root.parent / "dvc.lock").unlink()
    assert lock_file.recorded_params(RESULTS).retrain.epochs == 96  # of params.yaml
    with pytest.raises(BadInput, match=r"dvc\.lock: not of"):
        lock_file.recorded_params(others)


def test_what_comes_of_an_outdated_stage_is_outdated(project):
    Path("params.yaml").write_text("{}\n")
    for stage in ("search", "retrain", "export"):
        leave_results(stage)
    lock_results("search", "retrain", "export")
    lock = YAML(typ="safe").load(Path("dvc.lock"))
    for stage, before in (("retrain", "search"), ("export", "retrain")):
        lock["stages"][stage]["deps"] = lock["stages"][before]["outs"]
    YAML().dump(lock, Path("dvc.lock"))
    assert lock_file.current_stages(RESULTS) == ["search", "retrain", "export"]
    leave_results("search", value=0.1)  # `retrain` has not run on this yet
    assert lock_file.current_stages(RESULTS) == []
