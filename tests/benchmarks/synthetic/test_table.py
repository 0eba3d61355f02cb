"""Rows of trials, and the page made of them."""

from pathlib import Path

import pytest

from benchmarks.synthetic import table
from benchmarks.synthetic.__main__ import HERE, ROOT, main
from fbnet.errors import BadInput

FIGURES = dict.fromkeys((*table.SHOWN, *table.BANDS), 0.05) | {"points": 68, "photographs": 9}


def row(name: str, nme: float, against: str = "", part: str = "choosing") -> tuple[dict, dict]:
    head = {
        "name": name,
        "against": against,
        "kept": "",
        "set": "points=68",
        "seed": "1",
        "start": "scratch",
    }
    return head | {"faces": "800", "epochs": "25", "part": part}, FIGURES | {"nme": nme}


def test_rows_are_added_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    for name, nme in (("before", 0.1), ("hair", 0.0923456)):
        table.append(path, *row(name, nme))
    rows = table.read(path)
    assert [r["name"] for r in rows] == ["before", "hair"]
    assert float(rows[1]["nme"]) == pytest.approx(0.092346)


def test_a_row_fits_the_head_of_the_file(tmp_path: Path) -> None:
    """A turn that no face has leaves its cell empty; a new column would shift all others."""
    path = tmp_path / "trials.csv"
    head, figures = row("before", 0.1)
    table.append(path, head, figures)
    table.append(path, head, {k: v for k, v in figures.items() if k != "yaw_15_30"})
    last = table.read(path)[-1]
    assert (last["yaw_15_30"], last["yaw_30_90"]) == ("", "0.05")
    with pytest.raises(BadInput, match="no column yaw_45_90"):
        table.append(path, head, figures | {"yaw_45_90": 0.1})
    assert len(table.read(path)) == 2


def test_trials_have_the_columns_of_the_file_in_git(tmp_path: Path) -> None:
    columns = table.read(HERE / "trials.csv")[0].keys()
    assert {*table.SHOWN, *table.BANDS} <= columns


@pytest.mark.parametrize(
    ("words", "fault"), [("glasses", "--set glasses"), ("glases=0.1", "glases"), ("hats=2", "hats")]
)
def test_wrong_changes_are_bad_input(tmp_path, capsys, words: str, fault: str) -> None:
    photographs = tmp_path / "none"
    assert main(["trial", str(photographs), "--name", "x", "--set", words]) == 2
    assert fault in capsys.readouterr().err


def test_change_is_taken_against_the_named_trial(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    for case in (row("before", 0.1), row("hair", 0.092, "before"), row("hair", 0.5, part="final")):
        table.append(path, *case)
    lines = table.choosing(table.read(path)).splitlines()
    assert len(lines) == 4
    assert "-0.80 (before)" in lines[3]
    assert "50.00" in table.final(table.read(path)).splitlines()[2]


def test_seeds_are_averaged_and_single_trials_left_out(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    bands = dict.fromkeys(table.BANDS, 0.1)
    for name, seed, nme in (("a", "1", 0.07), ("a", "2", 0.08), ("b", "1", 0.5)):
        head = {"name": name, "start": "scratch", "seed": seed, "faces": "9", "epochs": "1"}
        figures = {"points": 68, "nme": nme, "median": nme, "fr_10": 0.2, **bands}
        table.append(path, head | {"part": "final"}, figures)
    _, _, *lines = table.seeds(table.read(path)).splitlines()
    row = "| a | 68 | scratch | 9 | 1 | 2 | 7.50 | 0.71 | 7.50 | 20.00 | 10.00 | 10.00 | 10.00 |"
    assert lines == [row]


def test_page_without_marks_is_bad_input(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here")
    with pytest.raises(BadInput, match="choosing"):
        table.write_page(page, HERE / "trials.csv", HERE / "rate.json")


def test_the_page_shows_the_rows(tmp_path: Path) -> None:
    """docs/synthetic.md is what `report` makes of the files in git."""
    page = tmp_path / "page.md"
    page.write_text((ROOT / "docs" / "synthetic.md").read_text())
    assert main(["report", "--page", str(page)]) == 0
    assert page.read_text() == (ROOT / "docs" / "synthetic.md").read_text()
