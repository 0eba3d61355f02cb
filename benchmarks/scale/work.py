"""The jobs: seconds of a core for each unit, two processes against one, very many faces."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.core import ROOT
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from fbnet.costs.measure import latency_table
from fbnet.faces.prepare import prepare
from fbnet.params import (
    NNI_SPACE,
    FetchParams,
    LutParams,
    SearchParams,
    SyntheticParams,
    TrainParams,
)

WARM_UP = 3
PHOTOGRAPH = (480, 640)
"""Height and width of the photographs that `units` prepares."""


def units(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Seconds of one core, by the process's own clock, for each of UNITS."""
    from benchmarks.contestants import ours
    from fbnet.faces import synthetic

    setting = job.setting
    cv2.setNumThreads(1)
    head, params = synthetic.load_head(ROOT / "data"), SyntheticParams()
    synthetic.render(head, params, 0)  # fills what later faces share
    count = setting["rendered"]
    seconds = {"render": _clock(lambda: _render(synthetic, head, params, count)) / count}
    with tempfile.TemporaryDirectory(dir=ledger.work) as folder:
        count = setting["photographs"]
        draw_photographs(Path(folder) / "in", count, PHOTOGRAPH)
        fetch = FetchParams(root=str(Path(folder) / "in"), layout="ibug", workers=1)
        seconds["prepare"] = _clock(lambda: prepare(fetch, Path(folder) / "out")) / count
    tasks = ours(setting["batch"], TrainParams(devices=1, threads=1))
    for name in ("soft", "few_path", "architecture", "retrain", "loader"):
        tasks[name]()
        start, faces = time.process_time(), 0
        for _ in range(setting["steps"]):
            faces += tasks[name]()
        seconds[name] = (time.process_time() - start) / faces
    lut = LutParams(engine=setting["engine"], threads=1)
    seconds["table"] = _clock(lambda: latency_table(NNI_SPACE, 106, lut))
    return {"seconds": seconds}


def _clock(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _render(synthetic: Any, head: Any, params: SyntheticParams, count: int) -> None:
    for index in range(1, count + 1):
        synthetic.render(head, params, index)


def draw_photographs(folder: Path, count: int, shape: tuple[int, int]) -> None:
    """Write pictures of smooth random colours, no two alike, with 68 points each in `.pts` files.

    shape: height and width in pixels.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    height, width = shape
    face = _oval(68) * 0.5 * min(shape) + np.array([width, height]) / 2
    for number in range(count):
        coarse = rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)
        picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        points = face + rng.normal(0, 0.01 * height, face.shape)
        lines = "\n".join(f"{x:.3f} {y:.3f}" for x, y in points)
        cv2.imwrite(str(folder / f"photograph {number}.jpg"), picture)
        text = f"version: 1\nn_points: 68\n{{\n{lines}\n}}\n"
        (folder / f"photograph {number}.pts").write_text(text)


def _oval(points: int) -> np.ndarray:
    """Points on nested ovals about 0, the eyes' corners apart; within -0.5..0.5."""
    angle = np.linspace(0, np.pi, points)
    return np.stack([np.cos(angle * 3) * 0.5, np.sin(angle) - 0.5], axis=1)


def processes(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Faces a second in the weight step of a `soft` search, by one process of a thread and two."""
    rates = {}
    for number in (1, 2):
        command = [sys.executable, "-m", "benchmarks.scale.work", str(number)]
        command += [str(job.setting[name]) for name in ("batch", "seconds")]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        rates[str(number)] = float(done.stdout)
    return {"faces_per_second": rates}


def step_rate(number: int, batch: int, seconds: float) -> None:
    """Take weight steps in `number` processes over two shards; rank zero prints the rate of all."""
    from benchmarks.contestants import FACES, lut, random_batch, random_faces
    from fbnet.params import NNI_SPACE
    from fbnet.search.loop import Search
    from fbnet.training.device import launch

    fabric = launch(TrainParams(threads=1, devices=number))
    search = Search(random_faces(FACES), NNI_SPACE, lut(), SearchParams(), fabric=fabric, shards=2)
    faces = random_batch(batch // number, whole=batch)
    for _ in range(WARM_UP):
        search.weight_step(faces)
    steps, start = 0, time.perf_counter()
    # Counted in steps that all processes take: the clock of one must not end the loop of another.
    while not fabric.broadcast(time.perf_counter() - start > seconds):
        search.weight_step(faces)
        steps += 1
    if fabric.is_global_zero:
        print(steps * batch / (time.perf_counter() - start))


def many_faces(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Prepare that many photographs: seconds of all cores, peak memory, disk."""
    count, side, size = (job.setting[name] for name in ("faces", "side", "size"))
    ledger.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ledger.work) as folder:
        draw_photographs(Path(folder) / "in", count, (side, side))
        before = os.times()
        started = time.monotonic()
        fetch = FetchParams(root=str(Path(folder) / "in"), layout="ibug", size=size)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            kept, peak = pool.submit(_prepared, fetch, Path(folder) / "out").result()
        after = os.times()
        files = [path for path in (Path(folder) / "out").rglob("*") if path.is_file()]
        return {
            "kept": kept,
            "seconds": time.monotonic() - started,
            "core_seconds": sum(after[:4]) - sum(before[:4]),
            "peak_bytes": peak,
            "stored_bytes": sum(path.stat().st_size for path in files),
        }


def _prepared(fetch: FetchParams, out: Path) -> tuple[int, int]:
    """Photographs kept, and the peak memory of this process in bytes."""
    kept = len(prepare(fetch, out).faces)
    # Not ru_maxrss: a process starts with its parent's.
    status = Path("/proc/self/status").read_text()
    return kept, 1024 * int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    step_rate(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
