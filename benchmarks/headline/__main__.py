"""The searched subnet against public nets under one recipe, and each at its best.

plan: list the trainings and which are done. train: do the missing ones; each leaves a small file
in benchmarks/headline/results, and an interrupted one goes on. time: latency of all nets. table:
table.json, docs/headline.md and the table in README.md from what is there.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fbnet.errors import BadInput, exit_code

if TYPE_CHECKING:
    from benchmarks.headline.setting import Setting

SEARCHED = Path(__file__).with_name("architecture.json")
"""The net compared here; it stays while the default search goes on changing."""


def main(argv: list[str] | None = None) -> int:
    """Run one step; returns 0 done, 2 bad params or input."""
    arguments = _parser().parse_args(argv)
    step = STEPS[arguments.step]
    return exit_code("headline", lambda: step(_setting(arguments), arguments.only))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.headline",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("step", choices=STEPS)
    parser.add_argument(
        "--rendered", type=Path, default=Path("results/fetch/faces"), metavar="FOLDER",
        help="rendered face set of the fetch stage (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--photographs", type=Path, metavar="FOLDER",
        help="photographs in any layout that `fetch` reads; without it only rendered faces",
    )  # fmt: skip
    parser.add_argument(
        "--only", default="*", metavar="PATTERN",
        help="trainings by name, such as 'photographs/one/*-1'",
    )  # fmt: skip
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N",
        help="of a training; one is best when several processes train (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--params", default="params.yaml", help="project params (%(default)s)")
    parser.add_argument(
        "--searched", type=Path, default=SEARCHED, metavar="FILE",
        help="architecture of the subnet (%(default)s)",
    )  # fmt: skip
    return parser


def _setting(arguments: argparse.Namespace) -> "Setting":
    from benchmarks.headline.recipes import PHOTOGRAPHS, RENDERED
    from benchmarks.headline.setting import Setting
    from stages.params import load

    sources = {RENDERED: arguments.rendered}
    if arguments.photographs:
        sources[PHOTOGRAPHS] = arguments.photographs
    if arguments.threads < 1:
        raise BadInput(f"--threads is {arguments.threads}; give 1 or more")
    params = load(arguments.params)
    return Setting(params, sources, arguments.searched, threads=arguments.threads)


def _plan(setting: "Setting", pattern: str) -> None:
    from benchmarks.headline.tasks import plan

    for task in plan(setting.recipes, list(setting.sources), pattern):
        done = task.file(setting.results, ".json").exists()
        print(f"{'done' if done else 'open'}  {task.name}")


def _train(setting: "Setting", pattern: str) -> None:
    from benchmarks.headline.tasks import plan
    from benchmarks.headline.training import Bench

    bench = Bench(setting)
    for task in plan(setting.recipes, list(setting.sources), pattern):
        record = bench.ensure(task)
        print(f"{task.name}: validation NME {record['val_nme']:.2%}")


def _time(setting: "Setting", pattern: str) -> None:
    from benchmarks.headline.latency import latencies
    from fbnet.files import write_json

    write_json(setting.results / "latency.json", latencies(setting))


def _table(setting: "Setting", pattern: str) -> None:
    from benchmarks.pages import fill
    from fbnet.files import write_json

    made, pages = _summary(setting)
    write_json(setting.results.with_name("table.json"), made)
    for page, sections in pages.items():
        fill(page, sections)


def _summary(setting: "Setting") -> tuple[list[dict[str, Any]], dict[Path, dict[str, str]]]:
    """Rows of table.json, and the sections of the pages, from the results that are there."""
    from benchmarks.headline import page
    from benchmarks.headline.goals import verdicts
    from benchmarks.headline.pareto import ranking
    from benchmarks.headline.recipes import SETS
    from benchmarks.headline.table import records, rows
    from fbnet.files import read_json

    timed = setting.results / "latency.json"
    found = records(setting.results, list(setting.recipes), SETS)
    made = rows(found, read_json(timed) if timed.exists() else {})
    verdict = page.verdict_list(verdicts(found, made, ranking()))
    return made, {
        setting.page: {"tables": page.tables(made), "goals": verdict},
        setting.readme: {"headline": page.digest(made)},
    }


STEPS = {"plan": _plan, "train": _train, "time": _time, "table": _table}

if __name__ == "__main__":
    sys.exit(main())
