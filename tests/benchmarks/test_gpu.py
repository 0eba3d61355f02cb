"""The GPU's benchmark where there is none, and its times of search and retraining on a CPU."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.contestants import random_faces
from benchmarks.gpu import _rates, params_of, profile_times
from fbnet.params import RetrainParams, SearchParams

ROOT = Path(__file__).parents[2]


def test_without_a_gpu_it_ends_with_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu"],
        cwd=ROOT,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "no GPU here" in done.stderr


def test_rates_leave_out_what_a_gpu_does_not_do() -> None:
    rates = _rates({"soft": lambda: 3, "loader": lambda: 1}, 0.01)
    assert list(rates) == ["soft"] and rates["soft"] > 0


def test_profiles_are_those_of_the_pipeline() -> None:
    assert params_of("default") == (4000, SearchParams(), RetrainParams())
    faces, search, retrain = params_of("best")
    assert (faces, search.proxy_share, retrain.batch) == (12000, 0.16, 256)


def test_search_and_retraining_are_timed() -> None:
    search = SearchParams(
        epochs=2, warmup_epochs=1, min_steps=0, batch=16, arch_batch=4, nas_lr=9.0,
        calibration_faces=8, proxy_share=1.0,
    )  # fmt: skip
    retrain = RetrainParams(epochs=1, min_steps=0, batch=16)
    times = profile_times("cpu", random_faces(24), search, retrain)
    assert set(times) == {"search", "retrain"} and min(times.values()) > 0
