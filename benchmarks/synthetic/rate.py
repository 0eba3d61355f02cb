"""Speed of the renderer: images a second, time by part, peak memory."""

import cProfile
import multiprocessing
import pstats
import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2

from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from fbnet.faces import synthetic
from fbnet.params import SyntheticParams

PROFILED = 60
"""Faces whose time is taken by part, in this process."""
PARTS = {
    "subject": "draw_subject",
    "camera and labels": "aim",
    "surfaces": "build_mesh",
    "rasteriser": "draw_mesh",
    "shading points": "shading_points",
    "colours": "colour_points",
    "light": "shade",
    "background": "draw_background",
    "layers": "draw_layers",
    "sensor": "photograph",
}
"""Part -> the function that does it."""


def rate(data: Path, images: int, workers: int) -> float:
    """Images a second, the start of the workers included."""
    head, params = synthetic.load_head(data), SyntheticParams()
    started = time.perf_counter()
    for _ in synthetic.render_many(head, params, range(images), workers=workers):
        pass
    return images / (time.perf_counter() - started)


def shares(data: Path) -> dict[str, float]:
    """Share of the time by part, one process; `rest` is what no part accounts for."""
    head, params = synthetic.load_head(data), SyntheticParams()
    synthetic.render(head, params, 0)  # caches filled
    cv2.setNumThreads(1)
    profile = cProfile.Profile()
    profile.enable()
    for index in range(1, PROFILED + 1):
        synthetic.render(head, params, index)
    profile.disable()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    seconds = {name: row[3] for (file, _, name), row in stats.items() if "synthetic" in file}
    share = {part: seconds[name] / seconds["render"] for part, name in PARTS.items()}
    return share | {"rest": 1 - sum(share.values())}


def peak_mb(data: Path, images: int, workers: int) -> float:
    """Largest memory of this process while it renders, and of its largest worker, MB together."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(theirs, data, images, workers))
    process.start()
    peak = ours.recv()
    process.join()
    return float(peak)


def _measured(pipe: Connection, *job: object) -> None:
    rate(*job)  # type: ignore[arg-type]
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    pipe.send(sum(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024)


def measure(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Images a second, share of the time by part, peak MB of a quarter and of all images."""
    data, images, workers = job.inputs, job.setting["images"], job.setting["workers"]
    return {
        "images": images,
        "workers": workers,
        "images_per_s": round(rate(data, images, workers), 1),
        "share": {part: round(share, 3) for part, share in shares(data).items()},
        "peak_mb": {str(n): round(peak_mb(data, n, workers)) for n in (images // 4, images)},
    }
