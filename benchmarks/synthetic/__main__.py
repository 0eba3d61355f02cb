"""Which rendered faces teach a net about photographs, and how fast they are rendered.

Usage:
  python -m benchmarks.synthetic trial PHOTOGRAPHS --name NAME [--set KEY=VALUE ...] [--seed 1]
  python -m benchmarks.synthetic rate
  python -m benchmarks.synthetic report

A trial renders faces with `fetch.synthetic` changed by --set, trains one fixed net on them alone,
scores it on a fixed third of the photographs (chosen by a hash of their names) and adds a row to
trials.csv beside this file. --final scores the other two thirds too, in a row of their own: for
what has been decided, once. PHOTOGRAPHS is a folder in any layout that `fetch` reads, with 68 or
106 points. `rate` times the renderer into rate.json; `report` writes both into docs/synthetic.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fbnet.errors import BadInput, exit_code

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PARTS = {"choosing": (0,), "final": (1, 2)}
"""Thirds of the photographs: one chooses, two are scored once, with --final."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0 done, 2 bad input."""
    arguments = parser().parse_args(argv)
    return exit_code("benchmarks.synthetic", lambda: arguments.command(arguments))


def parser() -> argparse.ArgumentParser:
    """The three commands and their options."""
    top = argparse.ArgumentParser(prog="benchmarks.synthetic", description=__doc__.splitlines()[0])
    top.add_argument("--data", type=Path, default=ROOT / "data", help="folder of head.npz")
    top.add_argument("--rows", type=Path, default=HERE / "trials.csv", help="table of trials")
    top.add_argument("--rate", type=Path, default=HERE / "rate.json", help="figures of `rate`")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    trial = commands.add_parser("trial", help="render, train, score; add a row")
    trial.set_defaults(command=add_trial)
    trial.add_argument("photographs", type=Path)
    trial.add_argument("--name", required=True, help="what is new in this trial")
    trial.add_argument("--against", default="", help="name of the trial it is to be held against")
    trial.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    trial.add_argument("--seed", type=int, default=1)
    trial.add_argument("--faces", type=int, default=600)
    trial.add_argument("--epochs", type=int, default=20, help="0: fit the last layer alone")
    trial.add_argument("--architecture", type=Path, help="architecture.json of another net")
    trial.add_argument(
        "--start", type=Path, help="weights (safetensors) to start from, not scratch"
    )
    trial.add_argument("--final", action="store_true", help="the two thirds that chose nothing")
    rate = commands.add_parser("rate", help="images a second, time by part, memory")
    rate.set_defaults(command=measure_rate)
    rate.add_argument("--images", type=int, default=400)
    rate.add_argument("--workers", type=int, default=2)
    report = commands.add_parser("report", help="write trials and rate into the docs")
    report.set_defaults(command=write_report)
    report.add_argument("--page", type=Path, default=ROOT / "docs" / "synthetic.md")
    return top


def add_trial(a: argparse.Namespace) -> None:
    """Run one trial, print it, add its row."""
    import yaml

    from benchmarks.synthetic import table
    from benchmarks.synthetic.trial import CHOICE, Trial, run
    from fbnet.files import read_json

    if wrong := [word for word in a.set if "=" not in word]:
        raise BadInput(f"--set {wrong[0]}: give KEY=VALUE")
    overrides = {key: yaml.safe_load(value) for key, value in (s.split("=", 1) for s in a.set)}
    choice = tuple(read_json(a.architecture)["choice"]) if a.architecture else CHOICE
    trial = Trial(overrides, a.seed, a.faces, a.epochs, choice, a.start)
    parts = PARTS if a.final else {"choosing": PARTS["choosing"]}
    made, offsets = run(trial, a.data, a.photographs, parts)
    for number, (along, down) in enumerate(100 * offsets):
        print(f"  point {number:3}  along {along:+6.2f}  down {down:+6.2f}  % of the eye distance")
    head = {"name": a.name, "against": a.against, "kept": "", "set": " ".join(a.set)}
    head |= {"start": a.start.stem if a.start else "scratch"}
    head |= {"seed": str(a.seed), "faces": str(a.faces), "epochs": str(a.epochs)}
    for part, found in made.items():
        table.append(a.rows, head | {"part": part}, found)
        print(f"{part}: NME {found['nme']:.2%}, median {found['median']:.2%} ({a.name})")


def measure_rate(a: argparse.Namespace) -> None:
    """Time the renderer; the machine should do nothing else."""
    from benchmarks.synthetic import table
    from benchmarks.synthetic.rate import measure
    from fbnet.files import write_json

    figures = measure(a.data, a.images, a.workers)
    write_json(a.rate, figures)
    print(table.rate(figures))


def write_report(a: argparse.Namespace) -> None:
    """Put the tables into the page, between their marks."""
    from benchmarks.synthetic.table import write_page

    write_page(a.page, a.rows, a.rate)
    print(f"{a.page}: written from {a.rows.name} and {a.rate.name}")


if __name__ == "__main__":
    sys.exit(main())
