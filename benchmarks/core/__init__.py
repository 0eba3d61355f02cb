"""One way to declare, record and start the jobs of a benchmark.

A benchmark declares jobs (`jobs.Job`) as data. Its ledger (`ledger.Ledger`) keeps one small JSON
file for each finished job under `benchmarks/results/<name>/`, in git, or one row of a CSV file
(`rows.RowLedger`), and its tables and pictures in the docs (`page`) come from these alone. Every
benchmark has the same three commands:

    python -m benchmarks.NAME plan     which jobs there are, and which are done
    python -m benchmarks.NAME run      do the missing ones
    python -m benchmarks.NAME table    tables, pictures and docs from the records
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import fill
from fbnet.errors import BadInput, exit_code
from fbnet.files import write_json

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RESULTS = ROOT / "benchmarks" / "results"
WORK = ROOT / ".checkpoints" / "benchmarks"


def head_option(parser: argparse.ArgumentParser) -> None:
    """`--data`: where the head lies that a benchmark's faces are rendered of."""
    parser.add_argument(
        "--data", type=Path, default=ROOT / "data", metavar="FOLDER",
        help="folder of head.npz, of which the faces are rendered (%(default)s)",
    )  # fmt: skip


def faces_options(parser: argparse.ArgumentParser) -> None:
    """`--data`, and `--faces`: faces that were rendered of it already."""
    head_option(parser)
    parser.add_argument(
        "--faces", type=Path, metavar="FOLDER", help="these faces, rendered by the same params"
    )


def photographs_option(parser: argparse.ArgumentParser) -> None:
    """`--photographs`: read by `faces.photographs`."""
    parser.add_argument(
        "--photographs", type=Path, metavar="FOLDER",
        help="photographs with 68 points in any layout that `fetch` reads",
    )  # fmt: skip


def scored_options(parser: argparse.ArgumentParser) -> None:
    """`--faces` and `--photographs`: what a model is scored on."""
    parser.add_argument(
        "--faces", type=Path, default=Path("results/fetch/faces"), metavar="FOLDER",
        help="rendered faces with a test part (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--photographs", type=Path, default=[], action="append", metavar="FOLDER",
        help="labelled photographs in any layout that `fetch` reads; may recur",
    )  # fmt: skip


@dataclass(frozen=True)
class Summary:
    """What a benchmark makes of its records.

    figures: JSON-able, for `table.json` in the ledger's folder. pages: page of the docs -> name of
    a section -> Markdown. pictures: file name -> a function that draws it at a path.
    """

    figures: Any
    pages: Mapping[Path, Mapping[str, str]] = field(default_factory=dict)
    pictures: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """A benchmark by its parts.

    name: of `python -m benchmarks.NAME` and of the folder of its records. about: text of --help.
    jobs: declares all jobs, from the options and from the records that are there; it is asked
    again after every round, so that jobs may follow from results. summary: tables and pictures
    from the records alone. options: adds the benchmark's own options to `plan` and `run`. kind: of
    its ledger.
    """

    name: str
    about: str
    jobs: Callable[[argparse.Namespace, Ledger], Sequence[Job]]
    summary: Callable[[Ledger], Summary]
    options: Callable[[argparse.ArgumentParser], None] = lambda parser: None
    kind: type[Ledger] = Ledger

    @property
    def ledger(self) -> Ledger:
        """The records in git."""
        return self.kind(RESULTS / self.name, WORK / self.name)

    def main(self, argv: Sequence[str] | None = None, ledger: Ledger | None = None) -> int:
        """Run a command. Returns 0 done, 2 bad input, which is one line on stderr."""
        given = self._parser().parse_args(argv)
        return exit_code(f"benchmarks.{self.name}", lambda: given.run(given, ledger or self.ledger))

    def _parser(self) -> argparse.ArgumentParser:
        form = argparse.RawDescriptionHelpFormatter
        top = argparse.ArgumentParser(
            prog=f"python -m benchmarks.{self.name}", description=self.about, formatter_class=form
        )
        commands = top.add_subparsers(required=True, metavar="plan | run | table")
        plan = commands.add_parser("plan", help="list the jobs and which are done")
        run = commands.add_parser("run", help="do the missing jobs; start it again to resume")
        table = commands.add_parser("table", help="write tables, pictures and docs from records")
        for command, work in ((plan, self._plan), (run, self._run), (table, self._table)):
            command.set_defaults(run=work)
        for command in (plan, run):
            command.add_argument(
                "--only", default="*", metavar="PATTERN", help="jobs by name, such as 'a/*-1'"
            )
            self.options(command)
        run.add_argument(
            "--processes", type=int, default=1, metavar="N", help="jobs at once (%(default)s)"
        )
        run.add_argument("--limit", type=int, metavar="N", help="no more than the next N jobs")
        return top

    def _wanted(self, given: argparse.Namespace, ledger: Ledger) -> list[Job]:
        jobs = self.jobs(given, ledger)
        wanted = [job for job in jobs if fnmatch(job.name, given.only)]
        if not wanted:
            names = ", ".join(job.name for job in jobs[:3])
            raise BadInput(f"--only {given.only}: no job has such a name; there are {names}, ...")
        return wanted

    def _plan(self, given: argparse.Namespace, ledger: Ledger) -> None:
        for job in self._wanted(given, ledger):
            print(f"{ledger.state(job):7}  {job.name}")

    def _run(self, given: argparse.Namespace, ledger: Ledger) -> None:
        for option in ("processes", "limit"):
            if (value := getattr(given, option)) is not None and value < 1:
                raise BadInput(f"--{option} is {value}; give 1 or more")
        if given.limit:
            missing = [job for job in self._wanted(given, ledger) if not ledger.finished(job)]
            ledger.run(missing[: given.limit], given.processes)
            return
        ledger.run(self._wanted(given, ledger), given.processes)
        while jobs := [job for job in self._wanted(given, ledger) if not ledger.finished(job)]:
            ledger.run(jobs, given.processes)

    def _table(self, given: argparse.Namespace, ledger: Ledger) -> None:
        summary = self.summary(ledger)
        write_json(ledger.folder / "table.json", summary.figures)
        for name, draw in summary.pictures.items():
            draw(ledger.folder / name)
        for page, sections in summary.pages.items():
            fill(page, sections)
            print(*sections.values(), sep="\n\n")
