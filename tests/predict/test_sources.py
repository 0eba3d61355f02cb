"""Which files are looked at, and the names of what is written for them."""

from pathlib import Path

import pytest

from fbnet.predict.sources import sources


def test_names_are_distinct_and_own_work_is_not_looked_at(tmp_path):
    for name in ("a.jpg", "a.png", "b.mp4", "out/a.png", "x/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files = sources([tmp_path], tmp_path / "out")
    assert [s.name for s in files] == ["0-a", "1-a", "b", "x/b"]
    assert [s.is_picture for s in files] == [True, True, False, True]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["1-b.png", "b.jpg", "b.png"], ["1-b", "2-b", "3-b"]),
        (["0-b.png", "1-b.png", "b.jpg", "b.png"], ["0-b", "1-b", "2-b", "3-b"]),
        (["A.png", "a.png"], ["0-A", "1-a"]),
        (["a.jpg", "a.png/x.png"], ["0-a", "a.png/x"]),
        (["camera7.mp4", "stdin.mp4"], ["0-camera7", "1-stdin", "2-stdin", "3-camera7"]),
    ],
)
def test_a_name_with_a_number_is_nobody_elses(tmp_path, names, expected):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    streams = expected[len(names) :]
    paths = [tmp_path, *[Path("-")] * bool(streams)]
    files = sources(paths, tmp_path / "out", camera=7 if streams else None)
    assert [source.name for source in files] == expected
