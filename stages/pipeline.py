"""Runs the pipeline, `dvc repro`, as one MLflow run, on request with other params.

A profile and overrides hold for this run: params.yaml is put back when it ends, results/ stays.
Params may be given as `--section.key value` too.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from fbnet.errors import DONE, FAILED, BadInput, exit_code, stop_on_signals
from stages.revision import is_repository
from stages.runner import require_lone_rank, wait_for


class DvcFailed(Exception):
    """`dvc` left with an error, which it has printed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the pipeline; returns 0 done, 2 bad params or input, 1 anything else."""
    known, rest = _parser().parse_known_args(argv)
    stop_on_signals(grace_s=None)  # the stage that runs has its own
    return exit_code("pipeline", lambda: _run(known, rest))


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


def _run(known: argparse.Namespace, rest: Sequence[str]) -> int:
    from fbnet.progress import say
    from stages.changes import differences, in_force, overrides, profile, split
    from stages.ready import require_ready
    from stages.tracking import PROFILE, pipeline_run

    words = [*split(known.overrides, "--overrides"), *known.sets, *_undeclared(rest)]
    changes = profile(known.profile) | overrides(words)
    os.environ[PROFILE] = known.profile.removeprefix("default")
    try:
        with in_force(changes) as params:
            require_lone_rank("pipeline")
            require_ready(params)
            if unlike := differences(params):
                say(
                    "\n  ".join(
                        [
                            "params that differ from the committed params.yaml (value there):",
                            *unlike,
                        ]
                    )
                )
            with pipeline_run(params) as variables, dvc_settings() as settings:
                environment = os.environ | variables | settings
                if wait_for([sys.executable, "-m", "dvc", "repro"], environment):
                    raise DvcFailed
    except DvcFailed:
        return FAILED
    if changes:
        named = [f"profile {known.profile}"] if known.profile else []
        named += ["overrides"] if words else []
        say(
            f"pipeline: results/ are of {' and '.join(named)}; params.yaml is as before, and "
            "`make repro` without them brings its results back"
        )
    return DONE


@contextmanager
def dvc_settings() -> Iterator[dict[str, str]]:
    """The environment in which DVC works here: empty in a git repository.

    Elsewhere, as in an unpacked ZIP, DVC is told to do without git by settings of the lowest rank,
    those of the whole system, for this run alone: nothing is left that a later `git init` meets.
    """
    if is_repository():
        yield {}
        return
    with TemporaryDirectory() as folder:
        Path(folder, "config").write_text("[core]\n    no_scm = true\n")
        yield {"DVC_SYSTEM_CONFIG_DIR": folder}


def _undeclared(rest: Sequence[str]) -> list[str]:
    """`key=value` of what `mlflow run -P search.lr=0.2` makes of a param not in MLproject."""
    names, values = rest[::2], rest[1::2]
    if len(names) != len(values) or not all(n.startswith("--") and "." in n for n in names):
        raise BadInput(f"{shlex.join(rest)}: not understood; give params as -S section.key=value")
    return [f"{name[2:]}={value}" for name, value in zip(names, values, strict=True)]


if __name__ == "__main__":
    sys.exit(main())
