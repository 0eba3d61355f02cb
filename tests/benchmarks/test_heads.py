"""Heads on the shipped model: its landmarks stay, and every figure has a line."""

from argparse import Namespace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import fbnet.params
from benchmarks.core.ledger import Ledger
from benchmarks.heads import LINES, fitted, jobs, summary
from fbnet.faces.prepare import prepare
from fbnet.metrics import nme
from fbnet.params import FetchParams, RetrainParams, SyntheticParams
from fbnet.predict.landmarker import PRETRAINED
from fbnet.predict.model import OnnxModel
from tests.drawn import Drawn


def test_heads_are_trained_and_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = partial(RetrainParams, heads_epochs=1)
    monkeypatch.setattr(fbnet.params, "RetrainParams", few)
    synthetic = SyntheticParams(train=6, test=3)
    params = FetchParams(root="data", layout="synthetic", synthetic=synthetic, workers=1)
    faces = prepare(params, tmp_path / "rendered").faces
    Drawn.ibug(tmp_path / "photographs", ["afw", "helen", "ibug", "lfpw"])
    ledger = Ledger(tmp_path / "results", tmp_path / "work")
    given = Namespace(faces=tmp_path / "rendered", photographs=[tmp_path / "photographs"])
    ledger.run(jobs(given, ledger))

    results, test = ledger.results(), faces.indices("test")
    shipped = OnnxModel(PRETRAINED).predict(faces.crops(test))
    alone = nme(shipped, faces.landmarks[test], faces.scheme).mean()
    assert results["rendered"]["nme"] == pytest.approx(alone, rel=1e-5)
    assert 0 < results["trained"]["macs"] / results["trained"]["macs_without"] - 1 < 0.03
    assert {*LINES} <= {*results["rendered"]}
    photographs = {*results["photographs"]}
    assert "pose_mae_yaw" in photographs and not {"visibility_auc", "fitted_mae_yaw"} & photographs
    ((_, sections),) = summary(ledger).pages.items()
    heading, _, *lines = sections["heads"].splitlines()
    assert heading.startswith("|  | 3 rendered test faces | ")
    assert heading.endswith(" photographs (photographs) |")
    assert lines[0].startswith("| MACs added | ") and len(lines) == len(LINES) + 1

    turned = np.degrees(faces.pose[test])
    assert np.abs(fitted(faces, test) - turned).mean() < 15
