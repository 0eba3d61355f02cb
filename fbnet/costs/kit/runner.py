"""Times every model of a kit in one engine, on the machine that this runs on.

Needs numpy and the engine only. One thread by default; all models are warmed up, then timed in
turn, in bursts, until every median's confidence interval is narrow or the time is up.
"""

import argparse
import csv
import hashlib
import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fbnet.costs.timing import Call, call_of, cpu_model, measure
from fbnet.engines.base import Engine
from fbnet.errors import BadInput, exit_code

KIT = Path(__file__).resolve().parents[1]
MOST_THREADS = 256
"""As `fbnet.params` has it, which is not in the kit."""
ID_LENGTH = 16
"""Hex digits of the manifest's SHA-256 that name a kit in its results."""


def main(argv: Sequence[str] | None = None) -> int:
    """Time the kit and write a CSV file. Returns 0 done, 2 bad input (one line on stderr)."""
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    add = parser.add_argument
    add("--engine", help="one of the kit's; the first of them unless given")
    add("--threads", type=int, default=1)
    add("--warmup", type=int, default=20, help="runs of each model before the clock counts")
    add("--rounds", type=int, default=100, help="least number of timed rounds")
    add("--ci", type=float, default=0.02, help="stop when all medians are known to this share")
    add("--seconds", type=float, default=120.0, help="stop after this time all the same")
    add("--out", type=Path, default=Path("results.csv"))
    add("--kit", type=Path, default=KIT, help="folder that holds manifest.json")
    arguments = parser.parse_args(argv)
    for name, least in {"threads": 1, "warmup": 0, "rounds": 1, "ci": 0.0, "seconds": 0.0}.items():
        value = getattr(arguments, name)
        if not least <= value < math.inf:  # so that NaN is refused
            parser.error(f"--{name} {value}: give a number from {least} on")
    if arguments.threads > MOST_THREADS:
        parser.error(f"--threads {arguments.threads}: give {MOST_THREADS} at most")
    return exit_code("run.py", lambda: print(run(arguments)))


def run(arguments: argparse.Namespace) -> str:
    """Time the kit as the arguments say; returns a line about it."""
    if arguments.out.is_dir():
        raise BadInput(f"{arguments.out}: is a folder; name a file in it with --out")
    with _writing(arguments.out):  # before minutes of measuring
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
    data = _read(arguments.kit / "manifest.json")
    manifest, engines = _manifest(data, arguments.kit / "manifest.json")
    name = arguments.engine or next(iter(engines))
    if name not in engines:
        raise BadInput(f"--engine {name}: the kit has models for {', '.join(engines)} only")
    engine, version = engines[name], engines[name].version()
    times = measure(
        _calls(arguments.kit, manifest, engine, arguments.threads),
        warmup=arguments.warmup,
        rounds=arguments.rounds,
        ci_target=arguments.ci,
        max_seconds=arguments.seconds,
    )
    facts = {
        "engine": engine.name,
        "version": version,
        "cpu": cpu_model(),
        "threads": arguments.threads,
        "kit": hashlib.sha256(data).hexdigest()[:ID_LENGTH],
    }
    _write(arguments.out, [{"name": name} | asdict(t) | facts for name, t in times.items()])
    worst = max(timing.ci for timing in times.values())
    return f"{len(times)} models in {arguments.out}; widest interval +-{worst:.1%} of its median"


def _manifest(data: bytes, path: Path) -> tuple[Any, dict[str, Engine]]:
    """What the kit's manifest holds, and its engines by name."""
    try:
        manifest = json.loads(data)
        engines = {entry["name"]: Engine(**entry) for entry in manifest["engines"]}
        files = [
            (file["path"], file["sha256"], model["input"], manifest["seed"])
            for model in manifest["models"].values()
            for name in engines
            for file in model["files"][name]
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        files = []
    if not files:
        raise BadInput(f"{path}: is damaged, or no kit's; copy the kit whole")
    return manifest, engines


def _calls(kit: Path, manifest: Any, engine: Engine, threads: int) -> dict[str, Call]:
    """The kit's models by name, their files checked against the manifest, opened to be timed."""
    calls = {}
    for name, model in manifest["models"].items():
        files = {}
        for file in model["files"][engine.name]:
            path = kit / file["path"]
            data = files[path.suffix] = _read(path)
            if hashlib.sha256(data).hexdigest() != file["sha256"]:
                raise BadInput(f"{path}: not the file of this kit; copy the kit again")
        calls[name] = call_of(engine.open(files, threads), model["input"], manifest["seed"])
    return calls


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); copy the kit whole") from None


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"{path}: cannot be written ({error.strerror}); give another --out"
        ) from None


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    part = path.with_name(f".{path.name}.part")
    with _writing(path):
        with open(part, "w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        os.replace(part, path)


if __name__ == "__main__":
    sys.exit(main())
