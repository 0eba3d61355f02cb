"""What every stage does around its own work: arguments, params, threads, tracking, exit code."""

import argparse
import ctypes
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import NoReturn

from fbnet.errors import (
    FAILED,
    STOPPING,
    BadInput,
    Failure,
    exit_code,
    safe_point,
    stop_on_signals,
    stop_requested,
)
from fbnet.progress import RANKS, is_rank_zero
from stages.results import Results

Main = Callable[..., str]
"""`main(params, results, log)` returns what was done in one line; `log(step, numbers)` reports an
epoch."""
PR_SET_PDEATHSIG = 1
"""Number of Linux's prctl: the signal that a process gets when its starter ends."""
POLL_S = 0.1
"""Seconds between looks for a stop signal while another command runs."""
AGAIN_S = 10.0
"""Seconds until a stop signal is passed on again to a command that still runs."""
TRAININGS = ("search", "retrain")
"""Stages that may be several processes."""
NOT_RANK_ZERO = "done; rank zero writes the results"
"""What the other processes of a stage return."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SPIN_COUNT = "100000"
"""Turns an OpenMP thread waits awake, where a process has several threads; one never waits.

By default they are endless: of two trainings on one machine each then runs a hundred times slower
than alone. With 1000 turns a lone one loses a quarter of its rate, with these none."""
SILENT_S = 10.0
"""Seconds for which a process other than rank zero keeps its error to itself: rank zero mostly has
the same one, and ends meanwhile."""


def run_stage(name: str, main: Main, argv: Sequence[str] | None = None) -> NoReturn:
    """Run a stage and leave: exit code 0 done, 2 bad params or input, 1 anything else.

    A stage's module ends in `if __name__ == "__main__": run_stage(NAME, main)`.
    """
    arguments = _parser(name, main).parse_args(argv)
    if is_rank_zero():
        stop_on_signals()
        sys.exit(exit_code(name, lambda: _run(name, main, arguments.params)))
    end_with_starter()
    sys.exit(exit_code(name, lambda: _run_silently(name, main, arguments.params)))


def end_with_starter() -> None:
    """Ignore stop signals, and end at once with the process that started this one.

    For processes that only compute, as those of a training beside rank zero: it answers the
    signals, and writes all files. Where the system is not Linux they end at their next all-reduce.
    """
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    if sys.platform == "linux":
        starter = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != starter:  # it ended before this was set
            sys.exit(FAILED)


def _run_silently(name: str, main: Main, path: str) -> None:
    try:
        _run(name, main, path)
    except (BadInput, Failure):
        time.sleep(SILENT_S)
        raise


def wait_for(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command and return its exit code; for commands that called `stop_on_signals`.

    A stop signal meanwhile is passed on, the command's end awaited, and KeyboardInterrupt raised.
    """
    safe_point()
    # A group of its own: a signal to `dvc` alone would leave its stage running as an orphan.
    # It inherits the lock on params.yaml, which lasts as long as it does.
    process = subprocess.Popen(command, env=environment, process_group=0, close_fds=False)
    passed_on = -math.inf
    while True:
        try:
            code = process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            # Again where it did not help: Python may drop a signal's KeyboardInterrupt.
            if stop_requested() and time.monotonic() - passed_on > AGAIN_S:
                passed_on = time.monotonic()
                os.killpg(process.pid, signal.SIGINT)
            continue
        safe_point()
        return code


def _parser(name: str, main: Main) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m stages.{name}",
        description=main.__globals__["__doc__"],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--params", default="params.yaml", help="params file (%(default)s)")
    return parser


def _run(name: str, main: Main, path: str) -> None:
    from fbnet.files import remove_abandoned, writing
    from fbnet.progress import say
    from stages.params import load
    from stages.tracking import stage_run

    params = load(path)
    require_lone_rank(name, params.train.devices * params.train.num_nodes)
    set_threads(params.train.threads)
    results = Results()
    folder = results.folder(name)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    remove_abandoned(folder)
    with stage_run(name, params, results) as log, _only_rank_zero_prints():
        say(f"{name}: {main(params, results, log)}")


def require_lone_rank(name: str, processes: int = 1) -> None:
    """Raise BadInput where the environment gives a lone process a rank: it would do nothing.

    name: of the stage, or "pipeline". processes: how many the params ask for.
    """
    for variable in RANKS:
        rank = os.environ.get(variable, "0")
        if rank != "0" and (name not in TRAININGS or processes == 1):
            raise BadInput(
                f"{variable}={rank} in the environment: rank zero alone writes results, and "
                f"{name} is one process"
                + (" by train.devices and train.num_nodes" if name in TRAININGS else "")
                + f"; unset {variable}, or start it once"
            )


@contextmanager
def _only_rank_zero_prints() -> Iterator[None]:
    """Of several processes only the first prints its progress; errors come from all."""
    if is_rank_zero():
        yield
        return
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        yield


def stage_code(stage: str) -> list[Path]:
    """Python files and packages that dvc.yaml states as dependencies of a stage."""
    from stages.params import read_yaml

    deps = [Path(dep) for dep in read_yaml("dvc.yaml")["stages"][stage]["deps"]]
    own = [path for path in deps if Results().root not in path.parents]
    return [path for path in own if path.suffix == ".py" or any(path.rglob("*.py"))]


def set_threads(threads: int) -> None:
    """Fix the threads of the numeric libraries, imported or still to be imported."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)
