"""Rates of search steps by one process and by two: python -m benchmarks.scale.

Each has one thread and is started as a stage starts it; batch and shards stay the same, so both do
the same arithmetic. Leave the machine alone meanwhile.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

WARM_UP = 3


def main() -> None:
    """Measure each number of processes in turn, print the table."""
    given = _parser().parse_args()
    if given.worker:
        _work(given.worker, given)
        return
    rates = {number: _rate_of(number, given) for number in (1, 2)}
    print(f"{'processes':>10}{'faces/s':>10}{'ratio':>8}")
    for number, rate in rates.items():
        print(f"{number:10}{rate:10.0f}{rate / rates[1]:8.2f}")
    if given.json:
        given.json.write_text(json.dumps({f"processes_{n}": r for n, r in rates.items()}) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rates there")
    parser.add_argument("--batch", type=int, default=64, help="faces in a step (%(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length (%(default)s)")
    parser.add_argument("--worker", type=int, default=0, help=argparse.SUPPRESS)
    return parser


def _rate_of(processes: int, given: argparse.Namespace) -> float:
    command = [sys.executable, "-m", "benchmarks.scale", "--worker", str(processes)]
    command += ["--batch", str(given.batch), "--seconds", str(given.seconds)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def _work(processes: int, given: argparse.Namespace) -> None:
    """Weight steps of a soft search; the first process prints the rate of all."""
    from benchmarks.contestants import FACES, lut, random_batch, random_faces
    from fbnet.params import NNI_SPACE, SearchParams, TrainParams
    from fbnet.search.loop import Search
    from fbnet.training.device import launch

    fabric = launch(TrainParams(threads=1, devices=processes))
    search = Search(random_faces(FACES), NNI_SPACE, lut(), SearchParams(), fabric=fabric, shards=2)
    share = given.batch // processes
    batch = random_batch(share, whole=given.batch)
    for _ in range(WARM_UP):
        search.weight_step(batch)
    steps, start = 0, time.perf_counter()
    # Counted in steps that all processes take: the clock of one must not end the loop of another.
    while not fabric.broadcast(time.perf_counter() - start > given.seconds):
        search.weight_step(batch)
        steps += 1
    if fabric.is_global_zero:
        print(steps * given.batch / (time.perf_counter() - start))


if __name__ == "__main__":
    main()
