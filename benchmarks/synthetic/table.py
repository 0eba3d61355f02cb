"""Trials as rows of a CSV file, and the tables of docs/synthetic.md."""

import csv
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from benchmarks.pages import fill
from fbnet.errors import BadInput
from fbnet.files import read_json

SHOWN = ("nme", "median", "fr_10", "contour", "brows", "eyes", "nose", "mouth")
BANDS = {"yaw_0_15": (0.0, 15.0), "yaw_15_30": (15.0, 30.0), "yaw_30_90": (30.0, 181.0)}
"""Columns of NME by head turn: ranges of the absolute yaw in degrees."""
TRAINED = ("start", "faces", "epochs", "seed")
"""How the net of a trial was trained; only trials trained alike are compared."""
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


def choosing_lines(rows: list[Row]) -> list[str]:
    """The trials that chose, with the change of NME against the trial each is held against."""
    lines = _head(["change", "set", *TRAINED, "NME %", "against", "kept", *SHOWN[1:]])
    for row in rows:
        if row["part"] == "choosing":
            cells = [row["name"], f"`{row['set']}`", *(row[name] for name in TRAINED)]
            cells += [_percent(row["nme"]), _difference(row, rows), row["kept"]]
            lines.append(_line(cells + [_percent(row[name]) for name in SHOWN[1:]]))
    return lines


def final_lines(rows: list[Row]) -> list[str]:
    """What was scored on the photographs that chose nothing."""
    names = [*SHOWN[:3], *BANDS]
    lines = _head(["rendered", "points", *TRAINED, "photographs", "NME %", *names[1:]])
    for row in rows:
        if row["part"] == "final":
            cells = [row[name] for name in ("name", "points", *TRAINED, "photographs")]
            lines.append(_line(cells + [_percent(row[name]) for name in names]))
    return lines


def seeds_lines(rows: list[Row]) -> list[str]:
    """Means over seeds on the photographs that chose nothing, of trials with several."""
    names = [*SHOWN[:3], *BANDS]
    alike = ("name", "points", *TRAINED[:-1])
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row["part"] == "final":
            groups.setdefault(tuple(row[name] for name in alike), []).append(row)
    lines = _head(["rendered", *alike[1:], "seeds", "NME %", "its spread", *names[1:]])
    for key, group in groups.items():
        if len(group) > 1:
            means = {n: f"{fmean(float(row[n]) for row in group):.{DIGITS}g}" for n in names}
            spread = f"{stdev(float(row['nme']) for row in group):.{DIGITS}g}"
            cells = [*key, str(len(group)), _percent(means["nme"]), _percent(spread)]
            lines.append(_line(cells + [_percent(means[name]) for name in names[1:]]))
    return lines


def rate_lines(figures: Mapping[str, Any]) -> list[str]:
    """Images a second, share of the time by part, peak memory."""
    memory = ", ".join(f"{peak} MB for {n} images" for n, peak in figures["peak_mb"].items())
    lines = [
        f"{figures['images_per_s']} images/s with {figures['workers']} workers "
        f"({figures['images']} images). Peak memory: {memory}.",
        "",
        *_head(["part", "share of the time"]),
    ]
    return lines + [_line([part, f"{share:.1%}"]) for part, share in figures["share"].items()]


def write_page(page: Path, rows: Path, rate: Path) -> None:
    """Put all tables into the page. Raises BadInput where it lacks their markers."""
    trials = read(rows)
    parts = {
        "choosing": choosing_lines(trials),
        "final": final_lines(trials),
        "seeds": seeds_lines(trials),
        "rate": rate_lines(read_json(rate)),
    }
    fill(page, {name: "\n".join(lines) for name, lines in parts.items()})


def _difference(row: Row, rows: list[Row]) -> str:
    """Change of NME in points of a per cent against the trial that `row` names, same seed."""
    for other in rows:
        same = all(other[key] == row[key] for key in ("part", "points", *TRAINED))
        if same and other["name"] == row["against"]:
            return f"{100 * (float(row['nme']) - float(other['nme'])):+.2f} ({row['against']})"
    return ""


def _percent(value: str) -> str:
    return f"{100 * float(value):.2f}" if value else ""


def _head(names: list[str]) -> list[str]:
    return [_line(names), "|" + "---|" * len(names)]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
