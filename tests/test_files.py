"""Files in: whatever lies at a path is read, or refused in one line."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fbnet.errors import BadInput
from fbnet.files import (
    LONGEST_LINE,
    number,
    printable,
    read_csv,
    read_json,
    read_lines,
    read_text,
    validated,
)

TEXT = '{"läge": [1, 2]}\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, ending: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(TEXT.replace("\n", ending).encode(encoding))
    assert read_text(path) == TEXT
    assert read_json(path) == {"läge": [1, 2]}
    assert read_lines(path) == [TEXT.rstrip()]


def missing(path: Path) -> None:
    """Leave nothing there."""


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def content(data: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(data)

    return write


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (missing, "no such file"),
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "no regular file"),
        (link_to_itself, "cannot be read"),
        (content(b"a\n\xe9"), r"a\.json:2: not a text file in UTF-8 \(byte 2 is 0xe9\)"),
        (content(b"a\nb\0"), r"a\.json:2: not a text file \(NUL bytes\)"),
        (content(b"\xff\xfe\x00"), "not a text file"),
        (content(b"{\n1"), r"a\.json:2: not valid JSON"),
        (content(b"[" * 100_000), "nested too deep"),
        (content(b"9" * 5000), "not valid JSON"),
        (content(b" " * 1001), "has [0-9,]+ bytes where at most"),
    ],
)
def test_what_is_no_json_file(tmp_path: Path, make: Callable[[Path], None], reason: str) -> None:
    make(tmp_path / "a.json")
    limit = 1000 if "at most" in reason else 2**20
    with pytest.raises(BadInput, match=reason) as caught:
        read_json(tmp_path / "a.json", limit)
    assert str(caught.value).startswith(str(tmp_path)) and "\n" not in str(caught.value)


def test_a_path_with_a_nul_byte() -> None:
    with pytest.raises(BadInput, match=r"a\\x00b: holds a NUL byte"):
        read_text("a\0b")


def test_a_line_without_end(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a\n" + "x" * (LONGEST_LINE + 1))
    with pytest.raises(BadInput, match=r"list\.txt:2: a line of more than 65,536"):
        read_lines(tmp_path / "list.txt")


@pytest.mark.parametrize(
    "text",
    [
        "layer,ms\n0,0.5\n",
        "\ufefflayer;ms\r\n0;0,5\r\n\r\n",
        "sep=;\nlayer;ms\n0;0,5\n",
        'layer,ms\n"0","0,5"\n',
        "layer\tms\n0\t0.5\n",
        " layer , ms\n0, 0.5\n",
    ],
)
def test_csv_as_spreadsheets_write_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text, newline="")
    (row,) = read_csv(tmp_path / "a.csv")
    assert {key: number(value, key) for key, value in row.items()} == {"layer": 0, "ms": 0.5}


def test_a_row_that_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(BadInput, match=r"a\.csv:3: 3 cells under 2 headings"):
        read_csv(tmp_path / "a.csv")


@pytest.mark.parametrize("text", ["", "x", "1,2,3", "nan", "1e999", "0.1 ms"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(BadInput, match="a is "):
        number(text, "a")


def test_types_are_checked_with_file_and_key() -> None:
    assert validated(dict[str, float], {"a": 1}, "f.json") == {"a": 1.0}
    with pytest.raises(BadInput, match=r"f\.json: a is 'x': input should be a valid number"):
        validated(dict[str, float], {"a": "x"}, "f.json")


def test_names_in_messages_are_one_printable_line() -> None:
    assert printable(os.fsdecode(b"a\xff\n.png")) == r"a\xff\n.png"
