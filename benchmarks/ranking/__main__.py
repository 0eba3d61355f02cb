"""Is the search's verdict right? Steps of the benchmark, in order; each goes on where it stopped.

sample: pick architectures. search: repeat the search over seeds, under budgets and with one thing
done otherwise. train: train alone what was picked and found. inherit: score the picked under the
supernet. front: searches under budgets against what was picked. report: tables, plots, verdicts.
Results lie in benchmarks/ranking/results.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fbnet.errors import exit_code

if TYPE_CHECKING:
    from benchmarks.ranking.setting import Setting


def main(argv: list[str] | None = None) -> int:
    """Run one step; returns 0 done, 2 bad params or input."""
    arguments = _parser().parse_args(argv)
    return exit_code("ranking", lambda: STEPS[arguments.step](_setting(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ranking",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("step", choices=STEPS)
    parser.add_argument(
        "--only", default="*", metavar="PATTERN",
        help="of step `search`: searches by name, such as 'budget_*'",
    )  # fmt: skip
    parser.add_argument("--params", default="params.yaml", help="project params (%(default)s)")
    parser.add_argument(
        "--searched", type=Path, default=Path("results/search"), metavar="FOLDER",
        help="results of the search under test (%(default)s)",
    )  # fmt: skip
    return parser


def _setting(arguments: argparse.Namespace) -> "Setting":
    from benchmarks.ranking import params as own
    from benchmarks.ranking.setting import Setting
    from stages.params import load

    return Setting(load(arguments.params), own.load(), arguments.searched, arguments.only)


def _sample(setting: "Setting") -> None:
    from benchmarks.ranking.sample import stratified
    from fbnet.files import write_json

    p = setting.ranking.sample
    choices = stratified(setting.lut("macs"), p.count, p.pool, p.seed)
    write_json(setting.results / "architectures.json", choices)


def _search(setting: "Setting") -> None:
    from benchmarks.ranking import jobs, searches

    jobs.run(searches.wanted(setting), "searches", setting.ranking.run.processes)


def _train(setting: "Setting") -> None:
    from benchmarks.ranking import jobs
    from benchmarks.ranking.plan import trainings

    jobs.run(trainings(setting), "trainings", setting.ranking.run.processes)


def _inherit(setting: "Setting") -> None:
    from benchmarks.ranking.inherited import inherited
    from fbnet.files import write_json

    write_json(setting.results / "inherited.json", inherited(setting))


def _front(setting: "Setting") -> None:
    from benchmarks.ranking import front, plots
    from fbnet.files import write_json

    made = front.summary(setting)
    write_json(setting.results / "front.json", made)
    plots.budget_front(made, setting.results / "front.png")


def _report(setting: "Setting") -> None:
    from benchmarks.pages import fill
    from benchmarks.ranking.report import QUOTED, report
    from fbnet.progress import say

    for name, figures in report(setting).items():
        say(f"{name}: {figures}")
    fill(setting.page, {n: (setting.results / f"{n}.md").read_text().strip() for n in QUOTED})


STEPS = {
    "sample": _sample,
    "search": _search,
    "train": _train,
    "inherit": _inherit,
    "front": _front,
    "report": _report,
}

if __name__ == "__main__":
    sys.exit(main())
