"""The `fbnet` command: inference, scoring, pages and device kits, beside the pipeline."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence

from fbnet.errors import BadInput, exit_code
from stages.commands import Command
from stages.commands.devices import import_table, kit, web
from stages.commands.models import convert, predict, score
from stages.commands.params import check, profile
from stages.commands.runs import register, report, table, ui

COMMANDS: dict[str, Callable[[ArgumentParser], Command]] = {
    "check": check,
    "profile": profile,
    "table": table,
    "score": score,
    "predict": predict,
    "report": report,
    "register": register,
    "ui": ui,
    "kit": kit,
    "import": import_table,
    "web": web,
    "convert": convert,
}
"""By name; each function declares a command's arguments and returns what it does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand. Returns 0 done, 2 bad input, 1 any other failure or a stop.

    Each but the first is one line on stderr; a traceback leaves with 1 as well.
    `predict` returns 3 where it found no face in any of the files; it writes what it saw.
    """
    parser = ArgumentParser(prog="fbnet", description=__doc__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, define in COMMANDS.items():
        text = (define.__doc__ or "").strip()
        command = commands.add_parser(name, help=text[0].lower() + text[1:-1], description=text)
        command.set_defaults(command=define(command))
    arguments = parser.parse_args(argv)
    return exit_code("fbnet", lambda: _run(arguments), resumes=False)


def _run(arguments: Namespace) -> int | None:
    """The command's exit code. Raises BadInput where it needs a package that is not installed."""
    try:
        code: int | None = arguments.command(arguments)
    except ModuleNotFoundError as error:
        if (error.name or "fbnet").partition(".")[0] in ("fbnet", "stages"):
            raise
        raise BadInput(
            f"this command needs {error.name}, which is not installed: pip install "
            "'fbnet-pfld[pipeline]', in a clone '.[pipeline]'"
        ) from None
    return code


if __name__ == "__main__":
    sys.exit(main())
