"""Trials as rows of a CSV file, and the tables of docs/synthetic.md."""

import csv
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from benchmarks.pages import fill, table
from fbnet.errors import BadInput
from fbnet.files import read_json

SHOWN = ("nme", "median", "fr_10", "contour", "brows", "eyes", "nose", "mouth")
BANDS = {"yaw_0_15": (0.0, 15.0), "yaw_15_30": (15.0, 30.0), "yaw_30_90": (30.0, 181.0)}
"""Columns of NME by head turn: ranges of the absolute yaw in degrees."""
TRAINED = ("start", "faces", "epochs", "seed")
"""How the net of a trial was trained; only trials trained alike are compared."""
SCORED = ("nme", "median", "fr_10", *BANDS)
"""Columns of the photographs that chose nothing."""
DIGITS = 5

Row = dict[str, str]


def append(path: Path, head: Mapping[str, str], figures: Mapping[str, float]) -> None:
    """Add a row to a CSV file, with its head where the file is new.

    What the row lacks stays empty. Raises BadInput for a column that the file does not have.
    """
    row = dict(head) | {name: f"{value:.{DIGITS}g}" for name, value in figures.items()}
    columns = _columns(path) or list(row)
    if unknown := [name for name in row if name not in columns]:
        raise BadInput(f"{path}: has no column {', '.join(unknown)}; write to another --rows")
    with open(path, "a", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        if stream.tell() == 0:
            writer.writeheader()
        writer.writerow(row)


def _columns(path: Path) -> list[str]:
    if not path.exists():
        return []
    with open(path, newline="") as stream:
        return next(csv.reader(stream), [])


def read(path: Path) -> list[Row]:
    """All rows of the CSV file."""
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


def choosing(rows: list[Row]) -> str:
    """The trials that chose, with the change of NME against the trial each is held against."""
    lines = []
    for row in rows:
        if row["part"] == "choosing":
            cells = [row["name"], f"`{row['set']}`", *(row[name] for name in TRAINED)]
            cells += [_percent(row["nme"]), _difference(row, rows), row["kept"]]
            lines.append(cells + [_percent(row[name]) for name in SHOWN[1:]])
    return table(["change", "set", *TRAINED, "NME %", "against", "kept", *SHOWN[1:]], lines)


def final(rows: list[Row]) -> str:
    """What was scored on the photographs that chose nothing."""
    shown = ("name", "points", *TRAINED, "photographs")
    lines = [
        [row[name] for name in shown] + [_percent(row[name]) for name in SCORED]
        for row in rows
        if row["part"] == "final"
    ]
    return table(["rendered", *shown[1:], "NME %", *SCORED[1:]], lines)


def seeds(rows: list[Row]) -> str:
    """Means over seeds on the photographs that chose nothing, of trials with several."""
    alike = ("name", "points", *TRAINED[:-1])
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row["part"] == "final":
            groups.setdefault(tuple(row[name] for name in alike), []).append(row)
    lines = [
        [*key, str(len(group)), *_mean_cells(group)]
        for key, group in groups.items()
        if len(group) > 1
    ]
    return table(["rendered", *alike[1:], "seeds", "NME %", "its spread", *SCORED[1:]], lines)


def _mean_cells(group: list[Row]) -> list[str]:
    """Mean NME, its standard deviation, and the means of the other scores."""
    first, *others = (_percent(fmean(float(row[name]) for row in group)) for name in SCORED)
    return [first, _percent(stdev(float(row["nme"]) for row in group)), *others]


def rate(figures: Mapping[str, Any]) -> str:
    """Images a second, share of the time by part, peak memory."""
    memory = ", ".join(f"{peak} MB for {n} images" for n, peak in figures["peak_mb"].items())
    shares = [[part, f"{share:.1%}"] for part, share in figures["share"].items()]
    return (
        f"{figures['images_per_s']} images/s with {figures['workers']} workers "
        f"({figures['images']} images). Peak memory: {memory}.\n\n"
        f"{table(['part', 'share of the time'], shares)}"
    )


def write_page(page: Path, rows: Path, figures: Path) -> None:
    """Put all tables into the page. Raises BadInput where it lacks their markers."""
    trials = read(rows)
    parts = {"choosing": choosing(trials), "final": final(trials), "seeds": seeds(trials)}
    fill(page, parts | {"rate": rate(read_json(figures))})


def _difference(row: Row, rows: list[Row]) -> str:
    """Change of NME in points of a per cent against the trial that `row` names, same seed."""
    for other in rows:
        same = all(other[key] == row[key] for key in ("part", "points", *TRAINED))
        if same and other["name"] == row["against"]:
            return f"{100 * (float(row['nme']) - float(other['nme'])):+.2f} ({row['against']})"
    return ""


def _percent(value: str | float) -> str:
    return f"{100 * float(value):.2f}" if value != "" else ""
