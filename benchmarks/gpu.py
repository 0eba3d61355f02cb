"""Speed of search and retraining on one GPU: python -m benchmarks.gpu, meant for four minutes.

Prints the table of steps (the yardstick, ours launched kernel by kernel, ours as CUDA graphs; two
batches, two precisions), a retraining's rate with all augmentation, and the time that search and
retraining of the default and of the profile `best` take; random pictures serve as faces. Leave the
GPU alone meanwhile. Without a GPU it ends with one line and exit code 2.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.core import ROOT
from fbnet.errors import BadInput, exit_code
from fbnet.faces.faceset import FaceSet
from fbnet.params import RetrainParams, SearchParams, SyntheticParams
from fbnet.progress import say

BATCHES, PRECISIONS = (64, 256), ("32-true", "bf16-mixed")
WARM_UP = 3
"""Calls of each task before the clock counts: the first ones capture its graph."""
LEFT_OUT = ("loader",)
"""Tasks of the CPU alone."""
PROFILES = ("default", "best")
"""Whose search and retraining are timed."""


def main() -> None:
    """Measure, print the tables, write the figures."""
    given = _parser().parse_args()
    sys.exit(exit_code("benchmarks.gpu", lambda: measure(given.seconds, given.json)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument(
        "--seconds", type=float, default=0.5, help="least length of a task (%(default)s)"
    )
    return parser


def measure(seconds: float, file: Path | None) -> None:
    """Print all figures as they come; write them as JSON. Raises BadInput without a GPU."""
    import torch

    from benchmarks import contestants

    if not torch.cuda.is_available():
        raise BadInput("no GPU here that torch can use; run it where there is one")
    record: dict[str, Any] = {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "faces_per_second": {},
        "seconds": {},
    }
    say(f"{record['device']}, torch {record['torch']}; faces a second")
    for batch in BATCHES:
        for name, rates in _sides(batch, seconds, "cuda"):
            record["faces_per_second"][f"batch {batch}, {name}"] = rates
            row = ", ".join(f"{task} {rate:.0f}" for task, rate in rates.items())
            say(f"batch {batch:3}, {name:17} {row}")
    for profile in PROFILES:
        count, search, retrain = params_of(profile)
        faces = contestants.random_faces(count)
        record["seconds"][profile] = profile_times("cuda", faces, search, retrain)
        for name, taken in record["seconds"][profile].items():
            say(f"profile {profile}, {name}: {taken:.1f} s")
    if file:
        file.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def _sides(batch: int, seconds: float, accelerator: Any) -> Any:
    """(name, faces a second by task) of the yardstick and of ours in each form."""
    from benchmarks import contestants
    from fbnet.params import TrainParams

    train = TrainParams(accelerator=accelerator, devices=1)
    yield "yardstick", _rates(contestants.yardstick(batch, train), seconds)
    for precision in PRECISIONS:
        for graph, form in (("off", "eager"), ("auto", "graph")):
            changes = {"precision": precision, "graph": graph}
            of_this = train.model_copy(update=changes)
            tasks = contestants.ours(batch, of_this)
            tasks["retrain, augmented"] = contestants.epochs_of(batch, of_this)
            yield f"{form}, {precision}", _rates(tasks, seconds)


def _rates(tasks: dict[str, Callable[[], int]], seconds: float) -> dict[str, float]:
    chosen = {name: task for name, task in tasks.items() if name not in LEFT_OUT}
    return {name: _rate(task, seconds) for name, task in chosen.items()}


def _rate(task: Callable[[], int], seconds: float) -> float:
    """Faces a second, over at least `seconds`, the device's work awaited."""
    for _ in range(WARM_UP):
        task()
    _wait()
    faces, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        # Some steps at once: to wait after each one would show the launches of all.
        faces += sum(task() for _ in range(5))
        _wait()
    return faces / (time.perf_counter() - start)


def _wait() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def params_of(profile: str) -> tuple[int, SearchParams, RetrainParams]:
    """A profile's faces for training and validation, and its params of search and retraining."""
    from stages.params import read_yaml

    tree = {} if profile == "default" else read_yaml(ROOT / f"profiles/{profile}.yaml")
    faces = SyntheticParams(**tree.get("fetch", {}).get("synthetic", {})).train
    return faces, SearchParams(**tree.get("search", {})), RetrainParams(**tree.get("retrain", {}))


def profile_times(
    accelerator: Any, faces: FaceSet, search: SearchParams, retrain: RetrainParams
) -> dict[str, float]:
    """Seconds of a search and of a retraining from scratch, validation included."""
    from benchmarks.contestants import lut
    from fbnet.params import NNI_SPACE, AugmentParams, TrainParams
    from fbnet.search.finetune import finetune
    from fbnet.search.loop import Search
    from fbnet.training.device import launch

    fabric = launch(TrainParams(accelerator=accelerator, devices=1))
    start = time.perf_counter()
    searching = Search(faces, NNI_SPACE, lut(), search, AugmentParams(), fabric)
    searching.run()
    searched = time.perf_counter()
    finetune(searching.choice(), faces, NNI_SPACE, {}, retrain, AugmentParams(), fabric)
    return {"search": searched - start, "retrain": time.perf_counter() - searched}


if __name__ == "__main__":
    main()
