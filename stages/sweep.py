"""Runs the pipeline once for each value of a param: DVC experiments, one MLflow run each.

`python -m stages.sweep --over search.beta --values 0.1 0.6 1.5`. Several params, separated by
commas, take each value together (`--over search.seed,retrain.seed --values 1 2 3`). The runs happen
in copies: params.yaml, results/ and dvc.lock stay. Look at them with `make ui`, `fbnet report
--runs` or `dvc exp show`; `dvc exp apply NAME` brings one here.
"""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fbnet.errors import DONE, FAILED, BadInput, exit_code, stop_on_signals
from fbnet.files import printable
from stages.revision import git, is_repository
from stages.runner import wait_for

if TYPE_CHECKING:
    from stages.params import Params

FORBIDDEN = re.compile(r"[^\w.-]+|\.{2,}|\.$|\.lock$")
"""What the name of an experiment, a git reference, may not hold."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sweep; returns 0 done, 2 bad params, 1 where an experiment failed."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.sweep",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--over", required=True, help="param, or params with commas between")
    parser.add_argument("--values", required=True, nargs="+", help="one experiment for each")
    parser.add_argument("--profile", default="", help="a profile of profiles/, such as tiny")
    parser.add_argument("--set", default="", help='"key=value ...", the same in all')
    given = parser.parse_args(argv)
    stop_on_signals(grace_s=None)  # the stage that runs has its own
    return exit_code("sweep", lambda: _run(given))


def _run(given: argparse.Namespace) -> int:
    from stages.changes import split
    from stages.tracking import PROFILE

    if not is_repository():
        raise BadInput(
            f"{Path.cwd()}: no git repository, and DVC keeps experiments in one; take a clone, or "
            "`git init`, `git add .` and `git commit -m start` here"
        )
    over, fixed = given.over.split(","), split(given.set, "--set")
    # All are checked before the first starts.
    commands = list(experiments(over, given.values, given.profile, fixed))
    for number, command in enumerate(commands, 1):
        print(f"sweep: {number} of {len(commands)}: {shlex.join(command)}", flush=True)
        variables = os.environ | {PROFILE: given.profile.removeprefix("default")}
        if wait_for([sys.executable, "-m", *command], variables):
            print(f"sweep: stopped at {number} of {len(commands)}", file=sys.stderr)
            return FAILED
    return DONE


def experiments(
    over: Sequence[str], values: Sequence[str], profile_name: str, fixed: Sequence[str]
) -> Iterator[list[str]]:
    """The DVC command of each experiment. Raises BadInput for unknown or unsound params."""
    from stages.changes import checked_text, dvc_words, overrides, profile

    shared, taken = profile(profile_name) | overrides(fixed), _names()
    for value in values:
        changes = shared | overrides([f"{key}={value}" for key in over])
        _, params = checked_text(changes)
        name = first = FORBIDDEN.sub("-", f"{over[0]}-{value}")
        number = 1
        while name in taken:
            number += 1
            name = f"{first}-{number}"
        taken.add(name)
        sets = [word for change in dvc_words(changes) for word in ("-S", change)]
        copied = [word for path in _untracked(params) for word in ("--copy-paths", path)]
        yield ["dvc", "exp", "run", "--temp", "--name", name, *copied, *sets]


def _untracked(params: "Params") -> Iterator[str]:
    """What the params name inside the repository that neither git nor DVC would copy.

    Raises BadInput for what lies beside the repository by a relative path, which the copy does
    not, and for a folder that git holds in part: DVC adds nothing to a folder that is there.
    """
    named = {
        "fetch.root": params.fetch.root,
        "lut.file": params.lut.file if params.lut.source == "file" else "",
        "retrain.heads_faces": params.retrain.heads_faces,
        "report.baselines": params.report.baselines,
    }
    for key, path in named.items():
        if not path or os.path.isabs(path) or not Path(path).exists():
            continue
        plain = Path(os.path.normpath(path))
        if plain.parts[:1] == ("..",):
            raise BadInput(
                f"{key} {path}: lies outside of the repository, of which experiments run in a "
                "copy; give its absolute path"
            )
        by_dvc = any(Path(f"{each}.dvc").exists() for each in (plain, *plain.parents))
        if by_dvc:
            continue
        if git("ls-files", "--", path):
            if others := _visible(git("ls-files", "--others", "-z", "--", path) or ""):
                raise BadInput(
                    f"{key} {path}: git holds a part of it alone ({len(others)} of its files are "
                    f"untracked, such as {printable(others[0])}), and experiments run in a copy "
                    "of that; git add them, or take all of it out of git (git rm -r --cached)"
                )
        else:
            # DVC copies a file into a folder that is there, a folder anywhere.
            there = (
                plain.is_dir() or plain.parent == Path() or git("ls-files", "--", str(plain.parent))
            )
            yield path if there else str(plain.parent)


def _visible(listed: str) -> list[str]:
    """The names in git's list of files that lie in no hidden folder and are not hidden."""
    names = (name for name in listed.split("\0") if name)
    return [name for name in names if not re.search(r"(^|/)\.", name)]


def _names() -> set[str]:
    """Names of the experiments there are, of any commit."""
    names = git("for-each-ref", "--format=%(refname:lstrip=-1)", "refs/exps")
    return set((names or "").split())


if __name__ == "__main__":
    sys.exit(main())
