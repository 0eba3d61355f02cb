"""The renderer's time by part."""

import pytest

from benchmarks.core import ROOT
from benchmarks.synthetic import rate


def test_every_part_is_a_function_that_a_face_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "PROFILED", 3)
    shares = rate.shares(ROOT / "data")
    assert shares.keys() == rate.PARTS.keys() | {"rest"}
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= 0
