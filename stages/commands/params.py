"""Commands on params.yaml."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from stages.commands import Command


def check(parser: ArgumentParser) -> Command:
    """Check params.yaml whole."""
    parser.add_argument("--params", default="params.yaml", help="file to check (%(default)s)")
    parser.add_argument(
        "--write", action="store_true", help="write its comments anew and add missing keys"
    )

    def run(arguments: Namespace) -> None:
        from stages.params import load, rewrite

        if arguments.write:
            rewrite(arguments.params)
        load(arguments.params)
        print(f"{arguments.params}: sound")

    return run


def profile(parser: ArgumentParser) -> Command:
    """Print a profile as -S overrides for DVC, or merge it into params.yaml for good."""
    parser.add_argument(
        "name", help="a profile of profiles/, such as tiny; default; or a path to a YAML file"
    )
    parser.add_argument("--write", action="store_true", help="merge it into the params file")
    parser.add_argument("--params", type=Path, default="params.yaml", help="(%(default)s)")

    def run(arguments: Namespace) -> None:
        from stages.changes import dvc_arguments, merge, profile

        changes = profile(arguments.name)
        if not arguments.write:
            print(dvc_arguments(changes, arguments.params))
            return
        merge(changes, arguments.params)
        print(f"{arguments.params}: has the values of profile {arguments.name}")

    return run
