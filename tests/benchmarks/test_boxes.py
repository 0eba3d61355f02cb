"""Boxes beside the face: the draws, the passes of the net, and the table."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import boxes
from benchmarks.boxes import disturbed, jobs, looks, summary
from benchmarks.core.ledger import Ledger
from fbnet import Landmarker
from tests.drawn import Drawn

POINTS = np.array([(9.5, 19.5), (29.5, 19.5), (19.5, 59.5)])


def test_a_box_keeps_within_its_size_and_shift() -> None:
    draws = np.random.default_rng(0)
    assert disturbed(POINTS, 0, 0, draws) == [10, 20, 20, 40]
    several = np.array([disturbed(POINTS, 0.2, 0.1, draws) for _ in range(400)])
    sizes, shifts = several[:, 2:] / (20, 40), several[:, :2] + several[:, 2:] / 2 - (20, 40)
    assert (sizes[:, 0] == pytest.approx(sizes[:, 1])) and (abs(sizes - 1) <= 0.2).all()
    assert (abs(shifts) <= (2, 4)).all()
    assert abs(sizes - 1).max() > 0.19 and (abs(shifts).max(axis=0) > (1.9, 3.8)).all()


def test_each_look_is_cut_around_the_landmarks_before_it() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (120, 120, 3), np.uint8)
    landmarker = Landmarker()
    place = landmarker.place([30, 30, 60, 60], picture)
    for count, landmarks in enumerate(looks(landmarker, picture, [30, 30, 60, 60]), start=1):
        (face,) = landmarker.faces(picture, [place], passes=count)
        np.testing.assert_array_equal(landmarks, face.landmarks)


def test_sets_of_faces_are_measured_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxes, "SIZES", (0.0, 0.2))
    monkeypatch.setattr(boxes, "SHIFTS", (0.0, 0.1))
    Drawn.ibug(tmp_path / "faces", ["afw", "helen", "ibug", "lfpw"])
    ledger = Ledger(tmp_path / "results", tmp_path / "work")
    given = Namespace(faces=tmp_path / "faces", photographs=[tmp_path / "faces"])
    ledger.run(jobs(given, ledger))
    errors = ledger.results()["faces"]["nme"]
    assert {*errors} == {"0/0", "0/0.1", "0.2/0", "0.2/0.1"}
    assert errors["0/0"] != errors["0.2/0.1"]
    ((_, sections),) = summary(ledger).pages.items()
    heading, _, exact, *_, last = sections["boxes"].splitlines()
    assert heading.startswith("| size | shift | rendered, 1 pass | rendered, 2 passes |")
    assert f"| {100 * errors['0/0'][0]:.2f} % |" in exact
    change = 100 * (errors["0.2/0.1"][1] / errors["0/0"][0] - 1)
    assert last.startswith("| ±20 % | ±10 % |") and f"| {change:+.1f} % |" in last
