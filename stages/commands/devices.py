"""Commands that measure the search space elsewhere: kits for devices, pages for browsers."""

from argparse import ArgumentParser, Namespace, _ActionsContainer
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fbnet.engines import ENGINES
from fbnet.errors import BadInput
from stages.commands import Command

if TYPE_CHECKING:
    from fbnet.costs.kit.contents import Contents

SERVING = ("host", "port", "certificate", "tables")
"""Arguments of `web` that `--serve` alone heeds."""
CONTENTS = ("points", "checks", "params")
"""Arguments of `web` that say what a new kit holds."""


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


def _kit_contents(parser: _ActionsContainer) -> Callable[[Namespace], "tuple[Contents, int]"]:
    """Add the options that say what a kit holds; returns what reads them: contents and seed."""
    parser.add_argument(
        "--points", type=int, help="landmarks of the faces (default: of fetch.scheme, or rendered)"
    )
    parser.add_argument("--checks", type=int, default=8, help="whole nets to test the table on")
    parser.add_argument(
        "--params", default="params.yaml", help="names the space and the input size"
    )

    def contents(arguments: Namespace) -> "tuple[Contents, int]":
        from fbnet.costs.kit.contents import Contents
        from fbnet.faces.schemes import known_points
        from stages.params import load

        params = load(arguments.params)
        scheme = params.fetch.scheme
        points = arguments.points or (scheme or params.fetch.synthetic).points
        if points not in (known := known_points(scheme)):
            raise BadInput(f"--points {points}: give one of {', '.join(map(str, known))}")
        if arguments.checks < 0:
            raise BadInput(f"--checks {arguments.checks}: give 0 or more")
        space, size, seed = params.search_space, params.fetch.size, params.lut.seed
        return Contents.of(space, points, size, arguments.checks, seed), seed

    return contents
