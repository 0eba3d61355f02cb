"""The `fbnet` command: inference, scoring, pages and device kits, beside the pipeline."""

import json
import sys
from argparse import ArgumentParser, Namespace, _ActionsContainer
from collections.abc import Callable, Sequence
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fbnet.engines import ENGINES
from fbnet.errors import NO_FACE, BadInput, exit_code, stop_on_signals
from fbnet.predict.interface import Interface
from stages.results import Results, read_architecture

if TYPE_CHECKING:
    from fbnet.costs.kit.contents import Contents

Command = Callable[[Namespace], int | None]
"""Does the work and returns an exit code, None being 0; imports what it needs when it is called, so
that `--help` answers at once."""
RESULTS: dict[str, Any] = {
    "type": Path,
    "default": Results().root,
    "help": "folder the stages wrote (%(default)s)",
}

PREDICT_OPTIONS = (
    "box", "boxes", "camera", "crop_scale", "crops", "csv", "detector", "fps", "frames", "pts",
    "still",
)  # fmt: skip
"""Arguments of `predict` that are fields of `fbnet.predict.run.Options`."""
SERVING = ("host", "port", "certificate", "tables")
"""Arguments of `web` that `--serve` alone heeds."""
CONTENTS = ("points", "checks", "params")
"""Arguments of `web` that say what a new kit holds."""


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
    parser.add_argument("--all", action="store_true", help="all faces, not the test part alone")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    declared = _interface(parser)

    def run(arguments: Namespace) -> None:
        from fbnet.files import write_json
        from fbnet.predict.score import score_folder

        files = Path(arguments.model), Path(arguments.faces)
        if arguments.json and Path(arguments.json).resolve() in (p.resolve() for p in files):
            raise BadInput(f"--json {arguments.json}: is what is scored; name another file")
        figures = score_folder(
            *files, declared(arguments), arguments.crop_scale, everything=arguments.all
        )
        for name, value in figures.items():
            print(f"{name:24} {value:.4g}")
        if arguments.json:
            write_json(arguments.json, figures)

    return run


def predict(parser: ArgumentParser) -> Command:
    """Find faces in pictures, videos and cameras, and write and draw their landmarks."""
    parser.add_argument(
        "paths", nargs="*", type=Path,
        help="pictures, videos, folders of them; - for raw BGR frames on the standard input",
    )  # fmt: skip
    parser.add_argument("--camera", type=int, metavar="N", help="look at a camera, until Ctrl-C")
    parser.add_argument("--out", type=Path, default="predictions", help="folder (%(default)s)")
    parser.add_argument("--csv", action="store_true", help="write landmarks.csv too")
    parser.add_argument("--pts", action="store_true", help="write a .pts for each face too")
    parser.add_argument("--no-drawing", action="store_true", help="write no pictures and videos")

    where = parser.add_argument_group("where the faces are, instead of looking for them")
    where.add_argument(
        "--box", nargs=4, type=float, metavar=("X", "Y", "W", "H"),
        help="around the landmarks, in pixels, in all files",
    )  # fmt: skip
    where.add_argument("--boxes", type=Path, metavar="FILE", help="CSV or JSON: picture,x,y,w,h")
    where.add_argument("--crops", action="store_true", help="each picture is a face's crop")
    where.add_argument("--still", action="store_true", help="in all frames, without following")
    where.add_argument("--detector", default="mtcnn", help="mtcnn, yunet (%(default)s)")

    streams = parser.add_argument_group("videos and cameras")
    streams.add_argument("--raw", action="store_true", help="without the One-Euro filter")
    streams.add_argument("--min-cutoff", type=float, metavar="HZ", help="of a point at rest (0.1)")
    streams.add_argument("--beta", type=float, metavar="HZ", help="more by face side a second (10)")
    streams.add_argument("--frames", action="store_true", help="a folder holds a video's frames")
    streams.add_argument(
        "--size", nargs=2, type=int, metavar=("W", "H"), help="of frames on the standard input"
    )
    streams.add_argument("--fps", type=float, help="frames per second, if not as the video says")
    streams.add_argument("--max-frames", type=int, metavar="N", help="end after N frames")

    nets = parser.add_argument_group("the model")
    which = nets.add_mutually_exclusive_group()
    which.add_argument("--model", type=Path, help="ONNX file (default: one that is shipped)")
    which.add_argument(
        "--points", type=int, choices=(106, 68), default=106,
        help="of the shipped model: 106 as NNI has them, 68 as 300W (%(default)s)",
    )  # fmt: skip
    which.add_argument(
        "--heads", action="store_true",
        help="the shipped model of 106 points with pose, confidence, visibility and openness",
    )  # fmt: skip
    declared = _interface(nets)

    def run(arguments: Namespace) -> int | None:
        stop_on_signals()
        from fbnet.predict.landmarker import SHIPPED, WITH_HEADS
        from fbnet.predict.run import Options, predict
        from fbnet.predict.track import OneEuro

        given = {"min_cutoff": arguments.min_cutoff, "beta": arguments.beta}
        smoothing = OneEuro(**{name: value for name, value in given.items() if value is not None})
        shipped = WITH_HEADS if arguments.heads else SHIPPED[arguments.points]
        options = Options(
            model=arguments.model or shipped,
            interface=declared(arguments),
            smoothing=None if arguments.raw else smoothing,
            drawn=not arguments.no_drawing,
            size=tuple(arguments.size) if arguments.size else None,
            most_frames=arguments.max_frames,
            **{name: getattr(arguments, name) for name in PREDICT_OPTIONS},
        )
        result = predict(arguments.paths, arguments.out, options)
        count = len(result.pictures) + len(result.videos)
        missing = f"; no face in {len(result.nothing_found)}" if result.nothing_found else ""
        print(f"{arguments.out / 'landmarks.json'}: {result.faces} faces in {count} files{missing}")
        return None if result.faces else NO_FACE

    return run


def _interface(parser: _ActionsContainer) -> Callable[[Namespace], Interface]:
    """Add the options for models of another origin; returns what reads them."""
    parser.add_argument(
        "--crop-scale", type=float, metavar="X", help="crop's side in landmark boxes"
    )
    for option in fields(Interface):
        parser.add_argument(f"--{option.name}", **option.metadata)

    def declared(arguments: Namespace) -> Interface:
        given = {option.name: getattr(arguments, option.name) for option in fields(Interface)}
        if (path := given["scheme"]) and path.endswith((".yaml", ".yml")):
            from stages.params import read_yaml

            fetch = read_yaml(Path(path)).get("fetch")
            if not isinstance(fetch, dict) or not (scheme := fetch.get("scheme")):
                raise BadInput(f"{path}: has no fetch.scheme; describe the points there")
            given["scheme"] = json.dumps(scheme)
        return Interface(**given)

    return declared


def report(parser: ArgumentParser) -> Command:
    """Make an HTML page of the last run, or of all runs."""
    parser.add_argument("--results", **RESULTS)
    parser.add_argument("--runs", action="store_true", help="compare the runs in MLflow instead")
    parser.add_argument("--experiment", help="MLflow experiment; that of params.yaml by default")
    parser.add_argument("--out", metavar="FILE", help="file to write; by default with the results")
    parser.add_argument("--baselines", metavar="FILE", help="table of other nets to set beside")

    def run(arguments: Namespace) -> None:
        from fbnet.files import write_text

        if arguments.experiment and not arguments.runs:
            raise BadInput("--experiment names the runs to compare; give --runs too")
        if arguments.baselines and arguments.runs:
            raise BadInput("--baselines stand beside one run; leave out --runs")
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
            if arguments.baselines and not beside.exists():
                raise BadInput(f"--baselines {beside}: no such file")
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


def ui(parser: ArgumentParser) -> Command:
    """Open MLflow's page on the runs, and print the addresses of the comparisons."""
    parser.add_argument("--port", type=int, default=5000, help="(%(default)s)")

    def run(arguments: Namespace) -> None:
        from stages.params import load
        from stages.tracking import serve

        serve(load().mlflow.experiment, arguments.port)

    return run


def kit(parser: ArgumentParser) -> Command:
    """Write a folder that measures the search space on a device."""
    parser.add_argument("out", type=Path, help="new or empty folder")
    parser.add_argument(
        "--engine",
        action="append",
        choices=[*ENGINES],
        help="may recur; all that are installed by default",
    )
    contents_of = _kit_contents(parser)

    def run(arguments: Namespace) -> None:
        from fbnet.costs.kit.write import write_kit

        contents, seed = contents_of(arguments)
        installed = [name for name, engine in ENGINES.items() if engine.installed]
        manifest = write_kit(arguments.out, contents, arguments.engine or installed, seed)
        count = len(manifest["models"])
        print(f"{count} models in {arguments.out}; its README.md explains the steps")

    return run


def _kit_contents(parser: _ActionsContainer) -> Callable[[Namespace], "tuple[Contents, int]"]:
    """Add the options that say what a kit holds; returns what reads them: contents and seed."""
    parser.add_argument("--points", type=int, default=106, help="landmarks of the faces")
    parser.add_argument("--checks", type=int, default=8, help="whole nets to test the table on")
    parser.add_argument(
        "--params", default="params.yaml", help="names the space and the input size"
    )

    def contents(arguments: Namespace) -> "tuple[Contents, int]":
        from fbnet.costs.kit.contents import Contents
        from fbnet.faces.schemes import known_points
        from stages.params import load

        params = load(arguments.params)
        if arguments.points not in (known := known_points(params.fetch.scheme)):
            raise BadInput(f"--points {arguments.points}: give one of {', '.join(map(str, known))}")
        if arguments.checks < 0:
            raise BadInput(f"--checks {arguments.checks}: give 0 or more")
        space, size, seed = params.search_space, params.fetch.size, params.lut.seed
        return Contents.of(space, arguments.points, size, arguments.checks, seed), seed

    return contents


def web(parser: ArgumentParser) -> Command:
    """Write pages that show the model and measure the search space in a browser."""
    parser.add_argument("out", nargs="?", type=Path, default="web", help="folder (%(default)s)")
    parser.add_argument("--model", type=Path, help="ONNX file (default: the one that is shipped)")
    parser.add_argument(
        "--runtime", type=Path, metavar="FILE", help="the engine's archive, where there is no npm"
    )
    measured = parser.add_argument_group("what is measured")
    measured.add_argument(
        "--kit", type=Path, help="what `fbnet kit` wrote (default: a new one, by params.yaml)"
    )
    contents_of = _kit_contents(measured)
    shown = parser.add_argument_group("showing them")
    shown.add_argument("--serve", action="store_true", help="on this machine, until Ctrl-C")
    shown.add_argument("--host", default="127.0.0.1", help="0.0.0.0: to the network (%(default)s)")
    shown.add_argument("--port", type=int, default=8000, help="(%(default)s)")
    shown.add_argument(
        "--certificate", type=Path, metavar="FILE", help="PEM of certificate and key, for https"
    )
    shown.add_argument(
        "--tables", type=Path, default=Path("device"), help="for what is sent back (%(default)s)"
    )

    def run(arguments: Namespace) -> None:
        from fbnet.predict.landmarker import PRETRAINED
        from fbnet.web.serve import serve, tls_of
        from fbnet.web.site import KIT, require_replaceable, write_site

        given = [n for n in SERVING if getattr(arguments, n) != parser.get_default(n)]
        if given and not arguments.serve:
            raise BadInput(f"--{given[0]} says how pages are shown; give --serve too")
        kept = [n for n in CONTENTS if getattr(arguments, n) != parser.get_default(n)]
        if kept and arguments.kit:
            raise BadInput(f"--{kept[0]} says what a new kit holds; leave it or --kit out")
        if arguments.certificate:
            tls_of(arguments.certificate)  # refused before pages are written
        out, kit = arguments.out, arguments.kit
        require_replaceable(out)
        if arguments.tables.resolve().is_relative_to(out.resolve()):
            raise BadInput(f"--tables {arguments.tables}: in the pages' folder, which is replaced")
        missing = [] if find_spec("torch") else ["the extra `pipeline`"]
        if kit is None and not Path(arguments.params).is_file():
            missing.append(f"{arguments.params} or --kit FOLDER")
        with TemporaryDirectory() as folder:
            if not missing and kit is None:
                from fbnet.web.equations import kit_for

                kit = kit_for(*contents_of(arguments), out / KIT, Path(folder) / KIT)
            kit = None if missing else kit
            write_site(out, arguments.model or PRETRAINED, kit, arguments.runtime)
        if missing:
            print(f"{out}: the demo alone; to measure takes {' and '.join(missing)}")
        if not arguments.serve:
            print(f"{out}: `fbnet web {out} --serve` shows it")
            return
        serve(out, arguments.host, arguments.port, arguments.certificate, kit and arguments.tables)

    return run


def import_table(parser: ArgumentParser) -> Command:
    """Make a latency table of what a kit measured."""
    parser.add_argument("results", type=Path, help="results.csv, or a benchmark program's output")
    parser.add_argument("--kit", type=Path, required=True, help="the folder that was measured")
    parser.add_argument("--out", default="latency.json", help="the table, for lut.file")

    def run(arguments: Namespace) -> None:
        from fbnet.costs.kit.results import table_of
        from fbnet.files import write_json

        if Path(arguments.out).resolve() == arguments.results.resolve():
            raise BadInput(f"--out {arguments.out}: is what was measured; name another file")
        table = table_of(arguments.results, arguments.kit)
        write_json(arguments.out, table)
        checked = "mape" in table
        error = f", off by {table['mape']:.1%} on {len(table['checks'])} nets" if checked else ""
        print(f"{arguments.out}: {table.get('engine', 'a device')}{error}")

    return run


def convert(parser: ArgumentParser) -> Command:
    """Turn a trained net into what `retrain` starts from: a run's subnet, or NNI's checkpoint."""
    parser.add_argument(
        "net", type=Path,
        help="subnet.safetensors of a run, architecture.json beside it; or checkpoint_best.pth of "
        "NNI's PFLD example, of a supernet or subnet",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default="converted", help="folder (%(default)s)")
    parser.add_argument("--choice", nargs="+", metavar="BLOCK", default=(), help="one for a layer")
    parser.add_argument(
        "--points", type=int, metavar="N", help="of the new net: 68 of a run's 98 or 106"
    )
    parser.add_argument(
        "--supernet", type=Path, metavar="FILE", help="the one NNI's subnet was sampled from"
    )
    parser.add_argument("--params", help="file whose space the net is of (default: NNI's space)")

    def run(arguments: Namespace) -> None:
        from fbnet.export import nni
        from fbnet.params import NNI_SPACE
        from fbnet.search import transfer
        from stages.params import load

        net, space, name = arguments.net, NNI_SPACE, "nni"
        if arguments.params:
            params = load(arguments.params)
            space, name = params.search_space, params.space
        if net.suffix == ".safetensors":
            if arguments.supernet:
                raise BadInput("--supernet: goes with NNI's checkpoint of a subnet")
            record = net.with_name(net.name.replace("subnet", "architecture")).with_suffix(".json")
            architecture = read_architecture(record) | {"space": name}
            named = {"choice": arguments.choice, "points": arguments.points}
            paths = transfer.convert(net, space, architecture, arguments.out, **named)
        else:
            if arguments.points is not None:
                raise BadInput("--points: goes with subnet.safetensors of a run")
            named = {"choice": arguments.choice, "supernet": arguments.supernet}
            paths = nni.convert(net, space, name, arguments.out, **named)
        for path in paths:
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
    "ui": ui,
    "kit": kit,
    "import": import_table,
    "web": web,
    "convert": convert,
}
"""By name; each function declares a command's arguments and returns what it does."""


if __name__ == "__main__":
    sys.exit(main())
