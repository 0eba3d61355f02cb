"""The `fbnet` command: inference, scoring, pages and device kits, beside the pipeline."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from fbnet.engines import ENGINES
from fbnet.errors import BadInput, exit_code
from fbnet.predict.interface import Interface
from stages.results import Results

Command = Callable[[Namespace], None]
"""Does the work; imports what it needs, so that `--help` answers at once."""
RESULTS: dict[str, Any] = {
    "type": Path,
    "default": Results().root,
    "help": "folder the stages wrote (%(default)s)",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand. Returns 0 done, 2 bad input (one line on stderr); 1 is a traceback."""
    parser = ArgumentParser(prog="fbnet", description=__doc__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, define in COMMANDS.items():
        text = (define.__doc__ or "").strip()
        command = commands.add_parser(name, help=text[0].lower() + text[1:-1], description=text)
        command.set_defaults(command=define(command))
    arguments = parser.parse_args(argv)
    return exit_code("fbnet", lambda: arguments.command(arguments))


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
    parser.add_argument("name", help="tiny, nni, default, or a path to a YAML file")
    parser.add_argument("--write", action="store_true", help="merge it into the params file")
    parser.add_argument("--params", type=Path, default="params.yaml", help="(%(default)s)")

    def run(arguments: Namespace) -> None:
        from stages.changes import dvc_arguments, merge, profile

        changes = profile(arguments.name)
        if not arguments.write:
            print(dvc_arguments(changes))
            return
        merge(changes, arguments.params)
        print(f"{arguments.params}: has the values of profile {arguments.name}")

    return run


def table(parser: ArgumentParser) -> Command:
    """Print the result table of the last run."""
    parser.add_argument("--results", **RESULTS)

    def run(arguments: Namespace) -> None:
        from stages.table import print_table

        print_table(Results(arguments.results))

    return run


def score(parser: ArgumentParser) -> Command:
    """Accuracy of an ONNX landmark model on faces."""
    parser.add_argument("model", help="ONNX file: ours, or any whose input and output you declare")
    parser.add_argument("faces", help="data set in any layout, or the faces of the fetch stage")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--crop-scale", type=float, metavar="X", help="crop's side in landmark boxes"
    )
    for option in fields(Interface):
        parser.add_argument(f"--{option.name}", **option.metadata)

    def run(arguments: Namespace) -> None:
        from fbnet.files import write_json
        from fbnet.predict.score import score_folder

        interface = Interface(**{o.name: getattr(arguments, o.name) for o in fields(Interface)})
        files = Path(arguments.model), Path(arguments.faces)
        figures = score_folder(*files, interface, arguments.crop_scale)
        for name, value in figures.items():
            print(f"{name:24} {value:.4g}")
        if arguments.json:
            write_json(arguments.json, figures)

    return run


def predict(parser: ArgumentParser) -> Command:
    """Draw landmarks on pictures and videos."""
    parser.add_argument("paths", nargs="+", help="pictures, videos, or folders of them")
    parser.add_argument("--model", help="ONNX file (default: the pretrained one)")
    parser.add_argument(
        "--box", nargs=4, type=float, metavar=("X", "Y", "W", "H"),
        help="around the face's landmarks, pixels; without it a picture is a face crop already",
    )  # fmt: skip
    parser.add_argument(
        "--still", action="store_true", help="videos: keep the box, do not follow the face"
    )
    parser.add_argument("--batch", type=int, default=64, help="pictures at once (%(default)s)")
    parser.add_argument("--out", default="predictions", help="folder to write (%(default)s)")

    def run(arguments: Namespace) -> None:
        from fbnet.predict.run import PRETRAINED, predict

        if arguments.batch < 1:
            raise BadInput(f"--batch {arguments.batch}: give 1 or more")
        paths, out = [Path(path) for path in arguments.paths], Path(arguments.out)
        model = Path(arguments.model or PRETRAINED)
        written = predict(
            model, paths, out, box=arguments.box, still=arguments.still, batch=arguments.batch
        )
        print(f"{written}, and what was drawn beside it")

    return run


def report(parser: ArgumentParser) -> Command:
    """Make an HTML page of the last run, or of all runs."""
    parser.add_argument("--results", **RESULTS)
    parser.add_argument("--runs", action="store_true", help="compare the runs in MLflow instead")
    parser.add_argument("--experiment", help="MLflow experiment; that of params.yaml by default")
    parser.add_argument("--out", metavar="FILE", help="file to write; by default with the results")
    parser.add_argument("--baselines", metavar="FILE", help="table of other nets to set beside")

    def run(arguments: Namespace) -> None:
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
            from stages.params import ReportParams, load

            shown = load().report if Path("params.yaml").exists() else ReportParams()
            page, beside = results.report, Path(arguments.baselines or shown.baselines)
            if arguments.baselines:  # another page than DVC's
                page = page.with_name("report-beside.html")
            text = report(results, shown.faces, shown.worst, beside)
        page = Path(arguments.out or page)
        write_text(page, text)
        print(f"{page}: open it in a browser")

    return run


def register(parser: ArgumentParser) -> Command:
    """Add the model in the results to MLflow's registry."""
    parser.add_argument("--results", **RESULTS)

    def run(arguments: Namespace) -> None:
        from stages.tracking import register

        print(register(Results(arguments.results)))

    return run


def kit(parser: ArgumentParser) -> Command:
    """Write a folder that measures the search space on a device."""
    parser.add_argument("out", type=Path, help="new or empty folder")
    parser.add_argument(
        "--engine", action="append", choices=[*ENGINES], help="may recur; all by default"
    )
    parser.add_argument("--points", type=int, default=106, help="landmarks of the faces")
    parser.add_argument("--checks", type=int, default=8, help="whole nets to test the table on")
    parser.add_argument(
        "--params", default="params.yaml", help="names the space and the input size"
    )

    def run(arguments: Namespace) -> None:
        from fbnet.costs.kit.contents import Contents
        from fbnet.costs.kit.write import write_kit
        from fbnet.landmarks import SCHEMES
        from stages.params import load

        if arguments.points not in SCHEMES:
            raise BadInput(
                f"--points {arguments.points}: give one of {', '.join(map(str, SCHEMES))}"
            )
        if arguments.checks < 0:
            raise BadInput(f"--checks {arguments.checks}: give 0 or more")
        params = load(arguments.params)
        space, size, seed = params.search_space, params.fetch.size, params.lut.seed
        contents = Contents.of(space, arguments.points, size, arguments.checks, seed)
        manifest = write_kit(arguments.out, contents, arguments.engine or [*ENGINES], seed)
        count = len(manifest["models"])
        print(f"{count} models in {arguments.out}; its README.md explains the steps")

    return run


def import_table(parser: ArgumentParser) -> Command:
    """Make a latency table of what a kit measured."""
    parser.add_argument("results", type=Path, help="results.csv, or a benchmark program's output")
    parser.add_argument("--kit", type=Path, required=True, help="the folder that was measured")
    parser.add_argument("--out", default="latency.json", help="the table, for lut.file")

    def run(arguments: Namespace) -> None:
        from fbnet.costs.kit.results import table_of
        from fbnet.files import write_json

        table = table_of(arguments.results, arguments.kit)
        write_json(arguments.out, table)
        checked = "mape" in table
        error = f", off by {table['mape']:.1%} on {len(table['checks'])} nets" if checked else ""
        print(f"{arguments.out}: {table['engine']}{error}")

    return run


def convert(parser: ArgumentParser) -> Command:
    """Turn a checkpoint of NNI's PFLD example into this project's files."""
    parser.add_argument("checkpoint", type=Path, help="checkpoint_best.pth of a supernet or subnet")
    parser.add_argument("--out", type=Path, default="converted", help="folder (%(default)s)")
    parser.add_argument("--choice", nargs="+", metavar="BLOCK", default=(), help="one for a layer")
    parser.add_argument(
        "--supernet", type=Path, metavar="FILE", help="the one a subnet was sampled from"
    )
    parser.add_argument("--params", help="file whose space the net is of (default: NNI's space)")

    def run(arguments: Namespace) -> None:
        from fbnet.export.nni import convert
        from fbnet.params import NNI_SPACE
        from stages.params import load

        space, name = NNI_SPACE, "nni"
        if arguments.params:
            params = load(arguments.params)
            space, name = params.search_space, params.space
        named = {"choice": arguments.choice, "supernet": arguments.supernet}
        for path in convert(arguments.checkpoint, space, name, arguments.out, **named):
            print(path)

    return run


COMMANDS = {
    "check": check,
    "profile": profile,
    "table": table,
    "score": score,
    "predict": predict,
    "report": report,
    "register": register,
    "kit": kit,
    "import": import_table,
    "convert": convert,
}
"""By name; each function declares a command's arguments and returns what it does."""


if __name__ == "__main__":
    sys.exit(main())
