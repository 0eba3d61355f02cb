"""The `fbnet` command: what is wanted outside the pipeline's stages."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from fbnet.engines import ENGINES
from fbnet.errors import BadInput, exit_code
from fbnet.predict.interface import Interface
from stages.results import Results

WRITTEN = "folder the stages wrote (%(default)s)"
Command = Callable[[argparse.Namespace], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand. Returns 0 done, 2 bad input (one line on stderr); 1 is a traceback."""
    arguments = _parser().parse_args(argv)
    return exit_code("fbnet", lambda: arguments.command(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fbnet", description=__doc__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    check = _add(commands, "check", _check, "check params.yaml whole")
    check.add_argument("--params", default="params.yaml", help="file to check")
    check.add_argument(
        "--write", action="store_true", help="write its comments anew and add missing keys"
    )
    profile = _add(commands, "profile", _profile, "print a profile as -S overrides, or apply it")
    profile.add_argument("name", help="tiny, nni, default, or a path to a YAML file")
    profile.add_argument("--write", action="store_true", help="merge it into params.yaml instead")
    profile.add_argument("--params", default="params.yaml", help="file to merge into")
    table = _add(commands, "table", _table, "print the result table of the last run")
    table.add_argument("--results", type=Path, default=Results().root, help=WRITTEN)
    score = _add(commands, "score", _score, "accuracy of an ONNX landmark model on faces")
    score.add_argument("model", help="ONNX file: ours, or any whose input and output you declare")
    score.add_argument("faces", help="data set in any layout, or the faces of the fetch stage")
    score.add_argument("--json", metavar="FILE", help="write the figures there too")
    score.add_argument(
        "--crop-scale", type=float, metavar="X", help="crop's side in landmark boxes"
    )
    for option in fields(Interface):
        score.add_argument(f"--{option.name}", **option.metadata)
    predict = _add(commands, "predict", _predict, "draw landmarks on pictures and videos")
    predict.add_argument("paths", nargs="+", help="pictures, videos, or folders of them")
    predict.add_argument("--model", help="ONNX file (default: the pretrained one)")
    predict.add_argument(
        "--box", nargs=4, type=float, metavar=("X", "Y", "W", "H"),
        help="around the face's landmarks, pixels; without it a picture is a face crop already",
    )  # fmt: skip
    predict.add_argument("--still", action="store_true", help="videos: keep the box, do not follow")
    predict.add_argument("--batch", type=int, default=64, help="pictures at once (%(default)s)")
    predict.add_argument("--out", default="predictions", help="folder to write (%(default)s)")
    report = _add(commands, "report", _report, "make an HTML page of the last run, or of all runs")
    report.add_argument("--results", type=Path, default=Results().root, help=WRITTEN)
    report.add_argument("--runs", action="store_true", help="compare the runs in MLflow instead")
    report.add_argument("--experiment", help="MLflow experiment; that of params.yaml by default")
    report.add_argument("--out", metavar="FILE", help="file to write; by default with the results")
    report.add_argument("--baselines", metavar="FILE", help="table of other nets to set beside")
    kit = _add(commands, "kit", _kit, "write a folder that measures the search space on a device")
    kit.add_argument("out", type=Path, help="new or empty folder")
    kit.add_argument(
        "--engine", action="append", choices=[*ENGINES], help="may recur; all by default"
    )
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
    from stages.params import load, rewrite

    if arguments.write:
        rewrite(arguments.params)
    load(arguments.params)
    print(f"{arguments.params}: sound")


def _profile(arguments: argparse.Namespace) -> None:
    from stages.changes import dvc_arguments, merge, profile

    changes = profile(arguments.name)
    if arguments.write:
        merge(changes, Path(arguments.params))
        print(f"{arguments.params}: has the values of profile {arguments.name}")
    else:
        print(dvc_arguments(changes))


def _table(arguments: argparse.Namespace) -> None:
    from stages.table import print_table

    print_table(Results(arguments.results))


def _score(arguments: argparse.Namespace) -> None:
    from fbnet.files import write_json
    from fbnet.predict.score import score_folder

    interface = Interface(**{o.name: getattr(arguments, o.name) for o in fields(Interface)})
    files = Path(arguments.model), Path(arguments.faces)
    figures = score_folder(*files, interface, arguments.crop_scale)
    for name, value in figures.items():
        print(f"{name:24} {value:.4g}")
    if arguments.json:
        write_json(arguments.json, figures)


def _predict(arguments: argparse.Namespace) -> None:
    from fbnet.predict.run import PRETRAINED, predict

    if arguments.batch < 1:
        raise BadInput(f"--batch {arguments.batch}: give 1 or more")
    paths, out = [Path(path) for path in arguments.paths], Path(arguments.out)
    model = Path(arguments.model or PRETRAINED)
    written = predict(
        model, paths, out, box=arguments.box, still=arguments.still, batch=arguments.batch
    )
    print(f"{written}, and what was drawn beside it")


def _report(arguments: argparse.Namespace) -> None:
    from fbnet.files import write_text

    results = Results(arguments.results)
    if arguments.runs:
        from stages.page.runs import runs_page
        from stages.params import load
        from stages.tracking import finished_runs

        experiment = arguments.experiment or load().mlflow.experiment
        page, text = results.comparison, runs_page(finished_runs(experiment))
    else:
        from stages.page.report import report

        beside = Path(arguments.baselines) if arguments.baselines else None
        page, text = results.report, report(results, beside=beside)
    page = Path(arguments.out or page)
    write_text(page, text)
    print(f"{page}: open it in a browser")


def _kit(arguments: argparse.Namespace) -> None:
    from fbnet.costs.kit.contents import Contents
    from fbnet.costs.kit.write import write_kit
    from stages.params import load

    params = load(arguments.params)
    contents = Contents.of(
        params.search_space, arguments.points, params.fetch.size, arguments.checks, params.lut.seed
    )
    engines = arguments.engine or [*ENGINES]
    manifest = write_kit(arguments.out, contents, engines, params.lut.seed)
    print(f"{len(manifest['models'])} models in {arguments.out}; its README.md explains the steps")


def _import(arguments: argparse.Namespace) -> None:
    from fbnet.costs.kit.results import table_of
    from fbnet.files import write_json

    table = table_of(arguments.results, arguments.kit)
    write_json(arguments.out, table)
    error = (
        f", off by {table['mape']:.1%} on {len(table['checks'])} nets" if "mape" in table else ""
    )
    print(f"{arguments.out}: {table['engine']}{error}")


if __name__ == "__main__":
    sys.exit(main())
