"""Where results lie is what dvc.yaml says."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from fbnet.errors import BadInput
from stages.results import Results

ROOT = Path(__file__).parents[2]
BY_STAGE = {
    "metrics": ("fetch", "search", "retrain", "export", "bench"),
    "details": ("retrain", "export", "bench"),
    "history": ("search", "retrain"),
    "lut": ("macs", "latency"),
}
ON_REQUEST = {"comparison"}
"""`fbnet report --runs` writes it, no stage."""


def test_every_file_is_an_output_of_its_stage() -> None:
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"].values()
    entries = [out for stage in stages for out in [*stage["outs"], *stage.get("metrics", [])]]
    outs = {Path(out if isinstance(out, str) else next(iter(out))) for out in entries}
    results = Results()
    paths = [getattr(results, name)(key) for name, keys in BY_STAGE.items() for key in keys]
    named = {name for name, value in vars(Results).items() if isinstance(value, property)}
    paths += [getattr(results, name) for name in named - ON_REQUEST]
    assert set(paths) <= outs


def test_a_missing_file_is_named_with_its_stage(tmp_path: Path) -> None:
    results = Results(tmp_path)
    with pytest.raises(BadInput, match=r"subnet\.onnx: no such file; stage export writes it"):
        results.require(results.onnx)
    results.folder("export").mkdir()
    results.onnx.touch()
    assert results.require(results.onnx) == results.onnx
