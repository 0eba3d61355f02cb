"""The shipped model scored on a folder of labelled pictures, and its line in the README."""

from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks.core.ledger import Ledger
from benchmarks.shipped import jobs, summary
from tests.drawn import Drawn


def test_a_folder_is_scored_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    Drawn.ibug(tmp_path / "faces", ["afw", "helen", "ibug", "lfpw"])
    ledger = Ledger(tmp_path / "results", tmp_path / "work")
    given = Namespace(photographs=[tmp_path / "faces"])
    (job,) = jobs(given, ledger)
    assert job.name == "faces" and set(job.setting) == {"model", "faces"}
    ledger.run([job], 1)
    figures = ledger.results()["faces"]
    assert figures["points"] == 68 and figures["faces"] > 0
    assert figures["nme_region"]["eyes"] > 0 and figures["nme"] > 0
    ((_, sections),) = summary(ledger).pages.items()
    heading, _, line = sections["shipped"].splitlines()
    assert heading.startswith("| photographs | NME | mean face |")
    assert f"| {100 * figures['nme']:.2f} % |" in line
