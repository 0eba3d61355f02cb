"""Plain lines off a terminal."""

import pytest

from fbnet import progress


@pytest.mark.parametrize("items", [[], (), range(0)])
def test_of_nothing_nothing_is_shown(items, capsys):
    assert list(progress.track(items, "faces")) == []
    assert capsys.readouterr().out == ""


def test_the_end_is_told(capsys):
    assert list(progress.track(iter("ab"), "faces", unit="face")) == ["a", "b"]
    assert capsys.readouterr().out.startswith("faces: 2 face in 0 s (")


def test_on_the_way_the_rest_is_told(monkeypatch, capsys):
    seconds = iter(range(0, 100, 20))  # every look at the clock is 20 s later
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    list(progress.track("abc", "faces", unit="face"))
    assert capsys.readouterr().out.splitlines() == [
        "faces: 1/3 face, 20 s/face, 40 s left",
        "faces: 2/3 face, 20 s/face, 20 s left",
        "faces: 3 face in 80 s (26.7 s/face)",
    ]
