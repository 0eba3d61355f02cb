"""The picture of latency against error."""

from pathlib import Path

import cv2

from benchmarks.headline.plots import latency_error


def test_models_without_a_latency_or_a_recipe_are_left_out(tmp_path: Path) -> None:
    row = {"data": "rendered", "model": "subnet", "nme_runs": [0.05, 0.07, 0.06]}
    rows = [
        row | {"recipe": "one", "latency_ms": 0.3},
        row | {"recipe": "best", "latency_ms": None},
        row | {"recipe": "one", "latency_ms": 2.0, "model": "lite", "data": "photographs"},
    ]
    latency_error(rows, tmp_path / "nets.png")
    latency_error(rows, tmp_path / "again.png")
    assert cv2.imread(str(tmp_path / "nets.png")).shape[1] == 960
    assert (tmp_path / "nets.png").read_bytes() == (tmp_path / "again.png").read_bytes()
