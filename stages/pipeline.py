"""Runs the DVC pipeline as one MLflow run: `dvc repro`, or `dvc exp run` where params change.

An experiment changes params.yaml in place; `git checkout params.yaml dvc.lock && dvc checkout`
goes back. Params of any stage may be given as `--section.key value` too.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from fbnet.errors import BadInput
from stages.runner import BAD_INPUT, DONE, FAILED

STOPPING = (signal.SIGTERM, signal.SIGINT)


class DvcFailed(Exception):
    """`dvc` left with an error, which it has printed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the pipeline; returns 0 done, 2 bad params or input, 1 anything else."""
    known, rest = _parser().parse_known_args(argv)
    signal.signal(signal.SIGTERM, _stop)
    try:
        _run(_changes(known, rest))
    except DvcFailed:
        return FAILED
    except BadInput as error:
        print(f"pipeline: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("pipeline: stopped; run it again to go on", file=sys.stderr)
        return FAILED
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stages.pipeline",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--profile", default="", help="a profile of profiles/, such as tiny")
    parser.add_argument("--overrides", default="", help='"key=value key=value ..."')
    parser.add_argument(
        "-S", dest="sets", action="append", default=[], metavar="key=value", help="one change"
    )
    return parser


def _changes(known: argparse.Namespace, rest: Sequence[str]) -> list[str]:
    from stages.profiles import profile, words

    changes = words(profile(known.profile or "default"))
    return changes + shlex.split(known.overrides) + known.sets + _loose(rest)


def _loose(rest: Sequence[str]) -> list[str]:
    # What `mlflow run -P search.lr=0.2` makes of a parameter that MLproject does not declare.
    names, values = rest[::2], rest[1::2]
    if len(names) != len(values) or not all(n.startswith("--") and "." in n for n in names):
        raise BadInput(f"{shlex.join(rest)}: not understood; give params as -S section.key=value")
    return [f"{name[2:]}={value}" for name, value in zip(names, values, strict=True)]


def _run(changes: list[str]) -> None:
    from stages.params import load
    from stages.tracking import pipeline_run

    sets = [word for change in changes for word in ("-S", change)]
    command = [sys.executable, "-m", "dvc", *(["exp", "run", *sets] if sets else ["repro"])]
    with pipeline_run(load("params.yaml"), lambda: load("params.yaml")) as variables:
        if _wait(command, os.environ | variables):
            raise DvcFailed


def _wait(command: list[str], environment: dict[str, str]) -> int:
    """Exit code of the command. A signal meanwhile is passed on, waited out, KeyboardInterrupt."""
    started: list[subprocess.Popen[bytes]] = []
    stopped = False

    def pass_on(signum: int, frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        for process in started:
            os.killpg(process.pid, signal.SIGINT)

    before = {signum: signal.signal(signum, pass_on) for signum in STOPPING}
    try:
        # A group of its own: a signal to `dvc` alone would leave its stage running as an orphan.
        started.append(subprocess.Popen(command, env=environment, process_group=0))
        if stopped:  # while it was being started
            pass_on(signal.SIGINT, None)
        code = started[0].wait()
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    if stopped:
        raise KeyboardInterrupt
    return code


def _stop(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
