"""Where results lie is what dvc.yaml says."""

import re
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


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[]", "architecture.json is []"),
        ('{"space": "nni", "points": 68, "size": 112}', "choice is missing"),
        ('{"space": "nni", "points": "x", "size": 112, "choice": []}', "points is 'x'"),
        ('{"space": "nni", "points": 68, "size": 112, "choice": [1]}', "choice.0 is 1"),
    ],
)
def test_a_broken_architecture_names_file_and_key(tmp_path, text, part):
    results = Results(tmp_path)
    results.trained.parent.mkdir()
    results.trained.write_text(text)
    with pytest.raises(BadInput, match=re.escape(part)) as caught:
        results.architecture(results.trained)
    assert str(results.trained) in str(caught.value)
