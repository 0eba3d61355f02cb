"""Commands on what the pipeline left: the last run's results, and all runs in MLflow."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from fbnet.errors import BadInput
from stages.commands import Command
from stages.results import Results

RESULTS: dict[str, Any] = {
    "type": Path,
    "default": Results().root,
    "help": "folder the stages wrote (%(default)s)",
}


def table(parser: ArgumentParser) -> Command:
    """Print the result table of the last run."""
    parser.add_argument("--results", **RESULTS)

    def run(arguments: Namespace) -> None:
        from stages.table import print_table

        print_table(Results(arguments.results))

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
