"""Runs the pipeline once for each value of a param: DVC experiments, one MLflow run each.

`python -m stages.sweep --over search.beta --values 0.1 0.6 1.5`. Several params, separated by
commas, take each value together (`--over search.seed,retrain.seed --values 1 2 3`). The runs happen
in copies: params.yaml, results/ and dvc.lock stay. Look at them with `make ui`, `fbnet report
--runs` or `dvc exp show`; `dvc exp apply NAME` brings one here.
"""

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence

from fbnet.errors import BadInput
from stages.runner import BAD_INPUT, DONE, FAILED

NAMED = re.compile(r"[^\w.-]+")
"""What the name of an experiment, a git reference, may not hold."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sweep; returns 0 done, 2 bad params, 1 where an experiment failed."""
    given = _parser().parse_args(argv)
    try:
        commands = list(experiments(given.over.split(","), given.values, _fixed(given)))
    except BadInput as error:
        print(f"sweep: {error}", file=sys.stderr)
        return BAD_INPUT
    for number, command in enumerate(commands, 1):
        print(f"sweep: {number} of {len(commands)}: {shlex.join(command)}", flush=True)
        if subprocess.run([sys.executable, "-m", *command]).returncode:
            print(f"sweep: stopped at {number} of {len(commands)}", file=sys.stderr)
            return FAILED
    return DONE


def _parser() -> argparse.ArgumentParser:
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
    return parser


def _fixed(given: argparse.Namespace) -> list[str]:
    """Changes that all experiments share, `key=value`."""
    from stages.profiles import profile, words

    return words(profile(given.profile or "default")) + shlex.split(given.set)


def experiments(
    over: Sequence[str], values: Sequence[str], fixed: Sequence[str]
) -> Iterator[list[str]]:
    """The DVC command of each experiment. Raises BadInput for a param that there is not."""
    from stages.params import read_yaml

    tree = read_yaml("params.yaml")
    for key in over:
        _require(tree, key)
    taken = _names()
    for value in values:
        changes = [*fixed, *(f"{key}={value}" for key in over)]
        sets = [word for change in changes for word in ("-S", change)]
        name = _free(NAMED.sub("-", f"{over[0]}-{value}"), taken)
        taken.add(name)
        yield ["dvc", "exp", "run", "--temp", "--name", name, *sets]


def _require(tree: object, key: str) -> None:
    for part in key.split("."):
        if not isinstance(tree, dict) or part not in tree:
            raise BadInput(f"--over {key}: params.yaml has no such key")
        tree = tree[part]


def _names() -> set[str]:
    """Names of the experiments there are, of any commit."""
    command = ["git", "for-each-ref", "--format=%(refname:lstrip=-1)", "refs/exps"]
    done = subprocess.run(command, capture_output=True, text=True)
    return set(done.stdout.split())


def _free(name: str, taken: set[str]) -> str:
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(n for n in numbered if n not in taken)


if __name__ == "__main__":
    sys.exit(main())
