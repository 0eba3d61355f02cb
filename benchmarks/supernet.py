"""Speed of the steps of search and retraining against NNI's way: python -m benchmarks.supernet.

The yardstick (benchmarks/yardstick.py) and this project's code take turns; a ratio is the median
over the rounds. Each side has the cores that --processes says: ours so many processes of one
thread, as the stages have it, the yardstick one process of so many threads. Variables of the
environment and steps are the stages' too; batches are by default those of retraining, and
--batch 32 has the search's. Random pictures serve as faces: the arithmetic is the same, and nothing
has to be fetched first. Leave the machine alone meanwhile.
"""

import argparse
import json
import os
import resource
import socket
import statistics
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from stages.runner import set_threads

RATIOS = {
    "soft": ("ours: soft", "yardstick: soft"),
    "few_path": ("ours: few_path", "yardstick: soft"),
    "architecture": ("ours: architecture", "yardstick: architecture"),
    "few_path_architecture": ("ours: few_path architecture", "yardstick: architecture"),
    "retrain": ("ours: retrain", "yardstick: retrain"),
    "loader": ("ours: loader", "ours: retrain"),
}
"""Figure in the JSON file: whose rate, over whose."""
TRAINING_PASSES = 3
"""A training step multiplies as often as three forward passes: forward, and two gradients."""
WARM_UP = 3
"""Calls of each task before the clock counts."""
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
Rates = dict[str, float]
"""Faces a second by `side: task`."""


def main() -> None:
    """Measure, print the table, write the ratios."""
    given = _parser().parse_args()
    sides = [Side(name, given) for name in ("yardstick", "ours")]
    peaks = {side.name: float(side.ask("peak")) for side in sides}
    peak_rate = float(sides[1].ask("machine"))
    rounds = [_turns(sides, given.seconds) for _ in range(given.rounds)]
    profiles = [side.ask("profile") for side in sides] if given.profile else []
    for side in sides:
        side.close()
    ratios = {name: _ratio(rounds, *pair) for name, pair in RATIOS.items()}
    ratios["memory"] = peaks["ours"] / peaks["yardstick"]
    _print(rounds, ratios, peaks)
    _print_limit(rounds, peak_rate)
    print(*profiles, sep="\n")
    if given.json:
        given.json.write_text(json.dumps(ratios, indent=1, sort_keys=True) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.supernet",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there")
    parser.add_argument("--profile", action="store_true", help="show where a soft step's time goes")
    parser.add_argument("--batch", type=int, default=128, help="faces in a step (%(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="cores of each (%(default)s)")
    parser.add_argument("--threads", action="store_true", help="ours is one process of threads too")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (%(default)s)")
    parser.add_argument(
        "--clock",
        choices=CLOCKS,
        default="wall",
        help="cpu: of the process, where the machine is not idle; best with one core (%(default)s)",
    )
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="least length of a turn (%(default)s)"
    )
    return parser


class Side:
    """One side in processes of its own, that work only when asked."""

    def __init__(self, name: str, given: argparse.Namespace) -> None:
        """Start the side; it is ready when this returns."""
        self.name = name
        several = name == "ours" and not given.threads
        processes, threads = (given.processes, 1) if several else (1, given.processes)
        context = get_context("spawn")
        self._pipes, self._processes = [], []
        port = _free_port()
        for rank in range(processes):
            pipe, other = context.Pipe()
            place = {"WORLD_SIZE": processes, "LOCAL_RANK": rank, "MASTER_PORT": port}
            environment = {k: str(v) for k, v in place.items()} if processes > 1 else {}
            shape = (given.batch, processes, threads, given.clock)
            process = context.Process(target=_serve, args=(other, environment, name, *shape))
            process.start()
            self._pipes.append(pipe)
            self._processes.append(process)
        self.tasks: list[str] = self._answers()[0]

    def ask(self, question: Any) -> Any:
        """Answer of rank zero to `question`, which all processes work on.

        It is "peak", "machine", "profile" or (task, seconds).
        """
        for pipe in self._pipes:
            pipe.send(question)
        return self._answers()[0]

    def _answers(self) -> list[Any]:
        return [pipe.recv() for pipe in self._pipes]

    def close(self) -> None:
        """End the processes."""
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.send(None)
            process.join()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serve(
    pipe: Any,
    environment: dict[str, str],
    name: str,
    batch: int,
    processes: int,
    threads: int,
    clock: str,
) -> None:
    # Before torch is imported, as in a stage.
    os.environ.update(environment)
    set_threads(threads)
    from benchmarks import contestants
    from fbnet.params import TrainParams

    now = CLOCKS[clock]
    train = TrainParams(devices=processes, threads=threads)
    tasks = getattr(contestants, name)(batch, train)
    for _ in range(WARM_UP):
        tasks["soft"]()
    # Before the other tasks run: the memory that a search needs.
    peak_mb = processes * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for task in tasks.values():
        task()
    pipe.send(list(tasks))
    while question := pipe.recv():
        if question == "peak":
            pipe.send(peak_mb)
        elif question == "machine":
            pipe.send(_machine(now) * processes)
        elif question == "profile":
            pipe.send(_profile(name, tasks["soft"]))
        else:
            task, seconds = question
            pipe.send(_rate(tasks[task], seconds, now, together=processes > 1))


def _rate(
    task: Callable[[], int], seconds: float, now: Callable[[], float], together: bool = False
) -> float:
    """Faces a second, over at least `seconds`.

    together: of several processes rank zero says when all end, since they step together.
    """
    import torch

    def going_on() -> bool:
        going = torch.tensor([now() - start < seconds])
        if together:
            torch.distributed.broadcast(going, 0)
        return bool(going)

    task()  # the other side has emptied the caches
    faces, start = 0, now()
    while going_on():
        faces += task()
    return faces / (now() - start)


def _machine(now: Callable[[], float]) -> float:
    """Multiply-accumulates a second of a large matrix product: what the machine can do."""
    import torch

    side = 1024
    a = torch.rand(side, side)
    return side**3 * _rate(lambda: (a @ a) is not None, 0.5, now)


def _profile(name: str, step: Callable[[], int], steps: int = 5) -> str:
    """Where the time of a step goes, by kind of work."""
    import torch

    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for _ in range(steps):
            step()
    rows = profile.key_averages()
    total = sum(row.self_cpu_time_total for row in rows)
    rows = sorted(rows, key=lambda row: -row.self_cpu_time_total)[:12]
    lines = [f"{row.self_cpu_time_total / total:6.1%}  {row.key}" for row in rows]
    return "\n".join([f"\n{name}, a soft step by torch's profiler:", *lines])


def _turns(sides: list[Side], seconds: float) -> Rates:
    """One turn of every task, the two sides in alternation where both have it."""
    names = list(dict.fromkeys(task for side in sides for task in side.tasks))
    return {
        f"{side.name}: {task}": side.ask((task, seconds))
        for task in names
        for side in sides
        if task in side.tasks
    }


def _ratio(rounds: list[Rates], what: str, against: str) -> float:
    return statistics.median(rates[what] / rates[against] for rates in rounds)


def _print(rounds: list[Rates], ratios: dict[str, float], peaks: dict[str, float]) -> None:
    print(f"{'faces a second':32}  median   least    most")
    for name in rounds[0]:
        rates = [each[name] for each in rounds]
        row = (statistics.median(rates), min(rates), max(rates))
        print(f"{name:32}" + "".join(f"{value:8.0f}" for value in row))
    print(f"\n{'ratio':24}{'':8}  median")
    for name, (what, against) in RATIOS.items():
        print(f"{name:24}{ratios[name]:8.2f}  ({what} / {against})")
    print(f"\nmemory: {peaks['ours']:.0f} MB, the yardstick's {peaks['yardstick']:.0f} MB")


def _print_limit(rounds: list[Rates], peak_rate: float) -> None:
    from benchmarks.contestants import lut

    table = lut()
    forward = table.fixed + sum(sum(layer.values()) for layer in table.layers)
    macs = TRAINING_PASSES * forward
    limit = peak_rate / macs
    rate = statistics.median(each["ours: soft"] for each in rounds)
    print(
        f"machine: {peak_rate / 1e9:.0f} G multiply-accumulates/s in a large product; a soft step "
        f"needs {macs / 1e6:.0f} M a face, so at most {limit:.0f} faces/s: we reach "
        f"{rate / limit:.0%}"
    )


if __name__ == "__main__":
    main()
