"""Which rendered faces teach a net about photographs: trials, one change at a time.

Usage:
  python benchmarks/synthetic.py trial PHOTOGRAPHS --name NAME [--set KEY=VALUE ...] [--seed 1]
  python benchmarks/synthetic.py table

A trial renders faces with `fetch.synthetic` changed by --set, trains one fixed net on them alone,
scores it on a fixed third of the photographs (chosen by a hash of their names) and adds a row to
benchmarks/synthetic/trials.csv. --final scores the other two thirds instead: for what has been
decided, once. PHOTOGRAPHS is a folder in any layout that `fetch` reads, with 68 or 106 points.
"""

import argparse
import csv
import sys
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "benchmarks" / "synthetic" / "trials.csv"
CHOOSING, FINAL = (0,), (1, 2)
DIGITS = 5


def main() -> None:
    """Run a trial, or print the table of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    trial = commands.add_parser("trial", help="render, train, score; add a row")
    trial.set_defaults(command=add_trial)
    trial.add_argument("photographs", type=Path)
    trial.add_argument("--name", required=True, help="what is new in this trial")
    trial.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    trial.add_argument("--seed", type=int, default=1)
    trial.add_argument("--faces", type=int, default=1500)
    trial.add_argument("--epochs", type=int, default=30)
    trial.add_argument("--data", type=Path, default=ROOT / "data", help="folder of head.npz")
    trial.add_argument("--rows", type=Path, default=ROWS, help="where the row goes")
    trial.add_argument("--final", action="store_true", help="the two thirds that chose nothing")
    table = commands.add_parser("table", help="print all trials as Markdown")
    table.set_defaults(command=print_table)
    table.add_argument("--rows", type=Path, default=ROWS)
    arguments = parser.parse_args()
    arguments.command(arguments)


def add_trial(a: argparse.Namespace) -> None:
    """Run one trial, print it, add its row."""
    from benchmarks.trial import Trial, run

    overrides = {key: yaml.safe_load(value) for key, value in (s.split("=", 1) for s in a.set)}
    made = run(
        Trial(overrides, a.seed, a.faces, a.epochs),
        a.data,
        a.photographs,
        FINAL if a.final else CHOOSING,
    )
    print_offsets(made.pop("offsets"))
    head = {
        "name": a.name,
        "set": " ".join(a.set),
        "part": "final" if a.final else "choosing",
        "seed": a.seed,
        "faces": a.faces,
        "epochs": a.epochs,
    }
    append(a.rows, head | {k: round(v, DIGITS) for k, v in made.items()})
    print(f"{a.name}: NME {made['nme']:.2%}, median {made['median']:.2%}, FR {made['fr_10']:.1%}")


def append(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a CSV file, with its head where the file is new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with open(path, "a", newline="") as stream:
        writer = csv.DictWriter(stream, row, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def print_offsets(median: Any) -> None:
    """The median displacement of each point, per cent of the eye distance."""
    for number, (along, across) in enumerate(median * 100):
        print(f"  point {number:3}  along {along:+6.2f}  down {across:+6.2f}")


def print_table(a: argparse.Namespace) -> None:
    """All trials, as they stand in the CSV file."""
    with open(a.rows, newline="") as stream:
        rows = list(csv.DictReader(stream))
    shown = ("nme", "median", "fr_10", "contour", "brows", "eyes", "nose", "mouth")
    print("| change | set | points | part | seed | " + " | ".join(shown) + " |")
    print("|---" * (5 + len(shown)) + "|")
    for row in rows:
        cells = [row[key] for key in ("name", "set", "points", "part", "seed")]
        cells += [f"{100 * float(row[key]):.2f}" for key in shown]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
