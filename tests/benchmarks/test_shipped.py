"""The shipped model scored on a folder of labelled pictures, and its line in the README."""

from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks.core.faces import load_faces
from benchmarks.core.ledger import Ledger
from benchmarks.shipped import jobs, summary
from tests.drawn import Drawn


def test_a_folder_is_scored_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    Drawn.ibug(tmp_path / "faces", ["afw", "helen", "ibug", "lfpw"])
    ledger = Ledger(tmp_path / "results", tmp_path / "work")
    given = Namespace(photographs=[tmp_path / "faces"])
    job = next(job for job in jobs(given, ledger) if job.name == "faces_subnet")
    ledger.run([job], 1)
    figures = ledger.results()["faces_subnet"]
    faces = load_faces(tmp_path / "faces", ledger.work)
    assert 0 < figures["faces"] < len(faces)
    assert figures["points"] == 68 and figures["model_points"] == 106
    shares = (17 * figures["nme_region"]["contour"] + 51 * figures["inner_nme"]) / 68
    assert figures["nme"] == pytest.approx(shares, rel=1e-6)
    assert figures["nme_region"]["eyes"] > 0 and figures["nme"] > 0
    ((_, sections),) = summary(ledger).pages.items()
    heading, _, line = sections["shipped"].splitlines()
    assert heading.startswith("| model | photographs | NME | of 51 inner points |")
    assert f"| {100 * figures['nme']:.2f} % |" in line
