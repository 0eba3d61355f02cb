"""Trials as declared, their records, and the page of both."""

from argparse import Namespace
from dataclasses import replace

import pytest

from benchmarks.core.ledger import Ledger
from benchmarks.synthetic import BANDS, TRIALS, Trial, read_trials, table
from benchmarks.synthetic.__main__ import jobs
from fbnet.errors import BadInput
from fbnet.files import write_json

BEFORE = Trial("before", "", "", "points=68", "small", "scratch", 1, 800, 25, "choosing")
HAIR = replace(BEFORE, name="hair", against="before")
FIGURES = dict.fromkeys((*table.SHOWN, *BANDS), 0.05) | {"points": 68, "photographs": 9}


@pytest.fixture
def summarised(tmp_path, monkeypatch):
    """The sections of the page, of {trial: NME}."""

    def summarise(nmes):
        monkeypatch.setattr(table, "read_trials", lambda: list(nmes))
        for trial, nme in nmes.items():
            result = FIGURES | {"nme": nme, "median": nme}
            write_json(tmp_path / f"{trial.record}.json", {"result": result})
        (sections,) = table.summary(Ledger(tmp_path, tmp_path)).pages.values()
        return sections

    return summarise


def test_declared_trials_have_records_of_their_own():
    trials = read_trials()
    names = [trial.record for trial in trials]
    assert len(set(names)) == len(names) > 40
    assert "final/searched_net-106-scratch-3600x45-3" in names
    assert all(isinstance(trial.changes, dict) for trial in trials)


@pytest.mark.parametrize(
    ("sound", "unsound", "message"),
    [
        (",1,1500,", ",one,1500,", r"trials.csv:2: not a trial \(invalid literal"),
        ("small", "large", r"trials.csv:2: not a trial \('large'\)"),
        ("choosing", "guessing", r"trials.csv:2: not a trial \('guessing'\)"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, sound, unsound, message):
    path = tmp_path / "trials.csv"
    path.write_text(TRIALS.read_text().replace(sound, unsound))
    with pytest.raises(BadInput, match=message):
        read_trials(path)


def test_changes_are_params():
    assert replace(HAIR, set="points=68 yaw_even=0.2").changes == {"points": 68, "yaw_even": 0.2}
    with pytest.raises(BadInput, match="hair: set glasses: give KEY=VALUE"):
        _ = replace(HAIR, set="glasses").changes


def test_trials_need_photographs_and_their_first_weights(tmp_path, monkeypatch, faces):
    given = Namespace(photographs=None, start=None, data=tmp_path)
    ledger = Ledger(tmp_path, tmp_path)
    assert [job.name for job in jobs(given, ledger)] == ["rate"]
    faces.save(tmp_path / "faces")
    given.photographs = tmp_path / "faces"
    starts = {job.setting.get("start") for job in jobs(given, ledger)}
    assert starts == {"scratch", None}
    given.start = tmp_path / "subnet.safetensors"
    given.start.write_bytes(b"weights")
    everything = jobs(given, ledger)
    assert len(everything) == len(read_trials()) + 1


def test_change_is_taken_against_the_named_trial(summarised):
    final = replace(HAIR, part="final")
    sections = summarised({BEFORE: 0.1, HAIR: 0.092, final: 0.5})
    lines = sections["choosing"].splitlines()
    assert len(lines) == 4
    assert "-0.80 (before)" in lines[3]
    assert "50.00" in sections["final"].splitlines()[2]
    other = replace(HAIR, seed=2)
    assert "(before)" not in summarised({BEFORE: 0.1, other: 0.09})["choosing"]


def test_seeds_are_averaged_and_single_trials_left_out(summarised):
    one = replace(BEFORE, name="a", faces=9, epochs=1, part="final")
    trials = {one: 0.07, replace(one, seed=2): 0.08, replace(one, name="b"): 0.5}
    _, _, *lines = summarised(trials)["seeds"].splitlines()
    row = "| a | 68 | scratch | 9 | 1 | 2 | 7.50 | 0.71 | 7.50 | 5.00 | 5.00 | 5.00 | 5.00 |"
    assert lines == [row]
