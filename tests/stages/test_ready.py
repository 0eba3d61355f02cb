"""What a whole run needs is looked at before its first stage."""

import os
from pathlib import Path

import pytest

from fbnet.engines import ENGINES
from fbnet.errors import BadInput
from stages import pipeline
from stages.params import Params, render
from stages.ready import require_ready


def changed(**sections) -> Params:
    """The default params with values of some sections changed."""
    update = {
        name: getattr(Params(), name).model_copy(update=values) for name, values in sections.items()
    }
    return Params().model_copy(update=update)


@pytest.fixture
def no_mnn():
    engine = ENGINES["mnn"]
    installed = engine.distribution
    object.__setattr__(engine, "distribution", "no-such-thing")
    yield
    object.__setattr__(engine, "distribution", installed)


def test_missing_faces_are_found_before_any_stage():
    with pytest.raises(BadInput, match=r"fetch\.root no \(1\) #=~x: no such folder; .* `dvc pull`"):
        require_ready(changed(fetch={"root": "no (1) #=~x"}, export={"variants": ()}))


@pytest.mark.parametrize(
    ("leave", "message"),
    [
        (
            lambda root: (root / "x.jpg").symlink_to("gone"),
            r"x\.jpg: a broken link; remove it \(DVC",
        ),
        (lambda root: os.mkfifo(root / "x"), r"x: no regular file; remove it \(DVC reads all"),
        (lambda root: open(bytes(root) + b"/\xff.jpg", "w").close(), "not UTF-8.*; rename it"),
    ],
    ids=["link", "fifo", "name"],
)
def test_what_dvc_cannot_read_is_found_before_any_stage(tmp_path, leave, message):
    params = changed(fetch={"root": str(tmp_path)}, export={"variants": ()})
    (tmp_path / "face.jpg").touch()
    require_ready(params)
    leave(tmp_path)
    with pytest.raises(BadInput, match=message):
        require_ready(params)


def test_a_missing_accelerator_is_found_at_the_start(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(BadInput, match=r"train\.accelerator: cuda, and torch sees none"):
        require_ready(changed(train={"accelerator": "cuda"}, export={"variants": ()}))


def test_a_missing_engine_is_found_at_the_start(no_mnn):
    require_ready(changed(export={"variants": ()}))
    with pytest.raises(BadInput, match=r"export\.variants: engine mnn is not installed here"):
        require_ready(changed(export={"variants": ("mnn_fp16",)}))
    with pytest.raises(BadInput, match=r"lut\.engine: engine mnn is not installed here"):
        require_ready(changed(export={"variants": ()}, lut={"engine": "mnn"}))


def test_missing_tables_and_faces_for_heads_are_found_at_the_start():
    variants = {"variants": ()}
    with pytest.raises(BadInput, match=r"report\.baselines none\.json: no such file"):
        require_ready(changed(export=variants, report={"baselines": "none.json"}))
    with pytest.raises(BadInput, match=r"retrain\.heads_faces nowhere: no prepared faces there"):
        require_ready(changed(export=variants, retrain={"heads_faces": "nowhere"}))


def test_a_table_without_models_is_found_at_the_start(tmp_path):
    other = tmp_path / "other.json"
    other.write_text('{"nets": []}')
    with pytest.raises(BadInput, match=r"other\.json: must be a list of rows"):
        require_ready(changed(export={"variants": ()}, report={"baselines": str(other)}))


def test_a_budget_below_the_space_is_found_at_the_start(tmp_path):
    def ready(target, **lut):
        search = {"mode": "target", **target}
        require_ready(changed(export={"variants": ()}, search=search, lut=lut))

    ready({"cost": "macs", "target_macs": 9_000_000})
    with pytest.raises(BadInput, match=r"search\.target_macs: 1e\+06 MACs is below the space's"):
        ready({"cost": "macs", "target_macs": 1_000_000})
    space = Params().search_space
    rows = [f"{i},{op},0.05" for i, ops in enumerate(space.layer_ops) for op in ops]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["layer,block,ms", *rows, ""]))
    file = {"source": "file", "file": str(table), "file_fixed_ms": 0.1}
    ready({"target_ms": 0.5}, **file)
    with pytest.raises(BadInput, match=r"search\.target_ms: 0\.2 ms is below .* by .*table\.csv"):
        ready({"target_ms": 0.2}, **file)


def test_a_wrong_table_is_found_before_any_stage(tmp_path, monkeypatch, capsys):
    table = tmp_path / "table.csv"
    table.write_text("layer,block,ms\n0,sep_k3,x\n")
    lut = {"source": "file", "file": str(table)}
    with pytest.raises(BadInput, match=r"table\.csv:2: ms is 'x'"):
        require_ready(changed(export={"variants": ()}, lut=lut))
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("params.yaml").write_text(render({"mlflow": {"enabled": False}}))
    monkeypatch.setattr(pipeline, "wait_for", lambda *_: pytest.fail("a stage has begun"))
    assert pipeline.main(["-S", "lut.source=file", "-S", "lut.file=none.csv"]) == 2
    assert "none.csv" in capsys.readouterr().err


def test_a_rank_without_a_launcher_is_found_at_the_start(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(render({"mlflow": {"enabled": False}}))
    monkeypatch.setenv("SLURM_PROCID", "1")
    assert pipeline.main([]) == 2
    assert "SLURM_PROCID=1 in the environment" in capsys.readouterr().err
