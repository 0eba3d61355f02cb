"""The `fbnet` command: what is wanted outside the pipeline's stages."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from fbnet.errors import BadInput

Command = Callable[[argparse.Namespace], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand. Returns 0 done, 2 bad input (one line on stderr); 1 is a traceback."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.command(arguments)
    except BadInput as error:
        print(f"fbnet: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fbnet", description=__doc__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    check = _add(commands, "check", _check, "check params.yaml whole")
    check.add_argument("--params", default="params.yaml", help="file to check")
    profile = _add(commands, "profile", _profile, "print a profile as -S overrides, or apply it")
    profile.add_argument("name", help="tiny, seed, default, or a path to a YAML file")
    profile.add_argument("--write", action="store_true", help="merge it into params.yaml instead")
    profile.add_argument("--params", default="params.yaml", help="file to merge into")
    table = _add(commands, "table", _table, "print the result table of the last run")
    table.add_argument("--results", default="results", help="folder the stages wrote")
    score = _add(commands, "score", _score, "accuracy of an ONNX landmark model on faces")
    score.add_argument("model", help="ONNX file: BGR 0..1 in, landmarks 0..1 of the crop out")
    score.add_argument("faces", help="data set in any layout `fetch` reads, or results/fetch/faces")
    score.add_argument("--json", metavar="FILE", help="write the figures there too")
    kit = _add(commands, "kit", _kit, "write a folder that measures the search space on a device")
    kit.add_argument("out", type=Path, help="new or empty folder")
    engines = ("onnxruntime", "mnn", "ncnn")
    kit.add_argument("--engine", action="append", choices=engines, help="may recur; all by default")
    kit.add_argument("--points", type=int, default=106, help="landmarks of the faces")
    kit.add_argument("--checks", type=int, default=8, help="whole nets to test the table on")
    kit.add_argument("--params", default="params.yaml", help="names the space and the input size")
    back = _add(commands, "import", _import, "make a latency table of what a kit measured")
    back.add_argument("results", type=Path, help="results.csv, or a benchmark program's output")
    back.add_argument("--kit", type=Path, required=True, help="the folder that was measured")
    back.add_argument("--out", default="latency.json", help="the table, for lut.file")
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    command: Command,
    text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(command=command)
    return parser


def _check(arguments: argparse.Namespace) -> None:
    from fbnet.params.load import load

    load(arguments.params)
    print(f"{arguments.params}: sound")


def _profile(arguments: argparse.Namespace) -> None:
    from fbnet.params.profiles import merge, overrides, profile

    chosen = profile(arguments.name)
    if arguments.write:
        merge(chosen, arguments.params)
        print(f"{arguments.params}: now has profile {arguments.name}")
    else:
        print(" ".join(overrides(chosen)))


def _table(arguments: argparse.Namespace) -> None:
    from fbnet.summary import print_table

    print_table(Path(arguments.results))


def _score(arguments: argparse.Namespace) -> None:
    from fbnet.deploy.folder import score_folder
    from fbnet.files import write_json

    figures = score_folder(Path(arguments.model), Path(arguments.faces))
    for name, value in figures.items():
        print(f"{name:24} {value:.4g}")
    if arguments.json:
        write_json(arguments.json, figures)


def _kit(arguments: argparse.Namespace) -> None:
    from fbnet.deploy.kit.manifest import Contents
    from fbnet.deploy.kit.write import write_kit
    from fbnet.params.load import load

    params = load(arguments.params)
    contents = Contents.of(
        params.search_space, arguments.points, params.fetch.size, arguments.checks, params.lut.seed
    )
    engines = arguments.engine or ["onnxruntime", "mnn", "ncnn"]
    manifest = write_kit(arguments.out, contents, engines, params.lut.seed)
    print(f"{len(manifest['models'])} models in {arguments.out}; its README.md says what to do")


def _import(arguments: argparse.Namespace) -> None:
    from fbnet.deploy.kit.table import table_of
    from fbnet.files import write_json

    table = table_of(arguments.results, arguments.kit)
    write_json(arguments.out, table)
    error = (
        f", off by {table['mape']:.1%} on {len(table['checks'])} nets" if "mape" in table else ""
    )
    print(f"{arguments.out}: {table['engine']}{error}")


if __name__ == "__main__":
    sys.exit(main())
