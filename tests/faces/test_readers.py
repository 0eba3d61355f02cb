"""Readers: every layout read as it is, every fault named with its place."""

import dataclasses
import errno
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fbnet.errors import BadInput, CannotWrite
from fbnet.faces.readers import ibug, lapa, nni, recognise, wflw
from fbnet.faces.readers.base import Problems, photograph_of
from fbnet.faces.readers.photographs import sorted_records
from fbnet.faces.readers.records import Record, Records
from fbnet.params import FetchParams
from fbnet.tables import READERS

MODULES = {"nni": nni, "lapa": lapa, "ibug": ibug, "wflw": wflw}
POINTS = {"nni": 106, "lapa": 106, "ibug": 68, "wflw": 98}
WFLW_LISTS = "WFLW_annotations/list_98pt_rect_attr_train_test"


def records_of(root: Path, layout: str, on_bad: str = "fail") -> tuple[Records, list[str]]:
    """The records of a folder by name, and the messages about bad ones."""
    problems = Problems(root, on_bad)
    return sorted_records(MODULES[layout].list_records, root, problems), problems.messages


def edit(path: Path, line: int, change: Callable[[str], str | None]) -> None:
    """Change one line (from 1) of a text file; None removes it."""
    lines = path.read_text().splitlines()
    changed = change(lines[line - 1])
    lines[line - 1 : line] = [] if changed is None else [changed]
    path.write_text("\n".join(lines) + "\n")


# Which layout is it?


@pytest.mark.parametrize("layout", POINTS)
@pytest.mark.parametrize("asked", ["auto", "same"])
def test_every_layout_is_recognised(drawn: Any, tmp_path: Path, layout: str, asked: str) -> None:
    getattr(drawn, layout)(tmp_path)
    recognised, marker = recognise(tmp_path, "auto" if asked == "auto" else layout)
    assert recognised == layout
    assert marker.split()[0].split("/")[0] in {path.name for path in tmp_path.iterdir()}


def test_a_head_means_rendered_faces(tmp_path: Path) -> None:
    (tmp_path / "head.npz").write_bytes(b"")
    assert recognise(tmp_path) == ("synthetic", "head.npz")


def test_an_unknown_folder_tells_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        recognise(tmp_path)
    for reader in READERS.values():
        assert reader.looks_for in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere is no folder; give .*fetch\.root"):
        recognise(tmp_path / "nowhere")


def test_two_layouts_in_one_folder_are_not_guessed(drawn: Any, tmp_path: Path) -> None:
    drawn.nni(tmp_path)
    drawn.ibug(tmp_path)
    with pytest.raises(BadInput, match=r"nni: train_data/list\.txt.*ibug: .*set fetch\.layout"):
        recognise(tmp_path)
    assert recognise(tmp_path, "ibug")[0] == "ibug"


def test_the_layout_asked_for_must_be_there(drawn: Any, tmp_path: Path) -> None:
    drawn.ibug(tmp_path)
    with pytest.raises(BadInput, match="Looked for wflw: list_98pt_rect_attr_train"):
        recognise(tmp_path, "wflw")


def test_params_take_the_layouts_of_the_table_and_auto() -> None:
    for layout in ("auto", *READERS):
        assert FetchParams(layout=layout).layout == layout
    with pytest.raises(ValueError, match=r"unknown layout 'wflv'; did you mean 'wflw'"):
        FetchParams(layout="wflv")


# What the layouts hold


@pytest.mark.parametrize("layout", ["lapa", "ibug", "wflw"])
def test_points_come_in_pixels_and_in_the_schemes_order(
    drawn: Any, tmp_path: Path, layout: str
) -> None:
    getattr(drawn, layout)(tmp_path)
    for record in records_of(tmp_path, layout)[0]:
        expected = [drawn.photo_points(POINTS[layout], seed) for seed in range(10)]
        assert min(np.abs(record.points - points).max() for points in expected) < 1e-5
        assert not record.cropped and record.pose is None


@pytest.mark.parametrize("layout", POINTS)
def test_names_are_unique_sorted_and_independent_of_the_folders_place(
    drawn: Any, tmp_path: Path, layout: str
) -> None:
    for place in ("one", "two/deeper"):
        getattr(drawn, layout)(tmp_path / place)
    one, two = (records_of(tmp_path / place, layout)[0] for place in ("one", "two/deeper"))
    names = [record.name for record in one]
    assert names == sorted(set(names)) == [record.name for record in two]
    assert [record.group for record in one] == [record.group for record in two]
    assert all(record.image.is_file() for record in one)
    origins = [record.origin for record in one]
    assert all((tmp_path / "one" / origin.rpartition(":")[0]).is_file() for origin in origins)


@pytest.mark.parametrize(
    ("extra", "pose"),
    [((), None), ((10, 20, -30), (10, 20, -30)), ((0, 1, 0, 0, 1, 0, 10, 20, -30), (10, 20, -30))],
)
@pytest.mark.parametrize("points", [68, 98, 106])
def test_nni_lines_with_and_without_angles(
    drawn: Any, tmp_path: Path, points: int, extra: tuple, pose: tuple | None
) -> None:
    drawn.nni(tmp_path, points=points, extra=extra)
    records, _ = records_of(tmp_path, "nni")
    assert len(records) == 6
    first = next(record for record in records if record.name == "train_data/imgs/0_a_0.png")
    np.testing.assert_allclose(first.points, drawn.make_landmarks(points, 0), atol=1e-6)
    assert first.cropped and (first.split, first.origin) == ("train", "train_data/list.txt:1")
    if pose is None:
        assert first.pose is None
    else:
        np.testing.assert_allclose(np.degrees(first.pose), pose, atol=1e-5)


@pytest.mark.parametrize("prefix", ["", "imgs/", "train_data/imgs/", "./train_data/imgs/"])
def test_nni_pictures_are_found_from_three_starts(drawn: Any, tmp_path: Path, prefix: str) -> None:
    drawn.nni(tmp_path)
    edit(tmp_path / "train_data/list.txt", 1, lambda line: prefix + line)
    names = [record.name for record in records_of(tmp_path, "nni")[0]]
    assert "train_data/imgs/0_a_0.png" in names


def test_nni_copies_of_a_photograph_share_a_group(drawn: Any, tmp_path: Path) -> None:
    drawn.nni(tmp_path)
    groups = {record.name: record.group for record in records_of(tmp_path, "nni")[0]}
    train = [groups[f"train_data/imgs/{stem}.png"] for stem in ("0_a_0", "0_a_1", "1_b_0")]
    assert train[0] == train[1] != train[2]


@pytest.mark.parametrize("jd", [False, True])
def test_lapa_and_jd_folders(drawn: Any, tmp_path: Path, jd: bool) -> None:
    splits = ("Training_data/HELEN", "Test_data/HELEN") if jd else ("train", "val", "test")
    drawn.lapa(tmp_path, splits, jd=jd)
    assert recognise(tmp_path)[0] == "lapa"
    records, _ = records_of(tmp_path, "lapa")
    assert len(records) == 3 * len(splits)
    expected = {"train", "test"} if jd else {"train", "validation", "test"}
    assert {record.split for record in records} == expected


def test_lapa_without_split_folders(drawn: Any, tmp_path: Path) -> None:
    drawn.lapa(tmp_path, (".",))
    assert {record.split for record in records_of(tmp_path, "lapa")[0]} == {None}


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("afw", "helen"), {"afw": None, "helen": None}),
        (
            ("afw", "helen/trainset", "helen/testset", "ibug"),
            {"afw": "train", "helen/trainset": "train", "helen/testset": "test", "ibug": "test"},
        ),
    ],
)
def test_ibug_splits_follow_the_benchmark(
    drawn: Any, tmp_path: Path, folders: tuple, splits: dict
) -> None:
    drawn.ibug(tmp_path, folders)
    records, _ = records_of(tmp_path, "ibug")
    assert {Path(record.name).parent.as_posix(): record.split for record in records} == splits


def test_ibug_faces_of_one_photograph_share_a_group(drawn: Any, tmp_path: Path) -> None:
    drawn.ibug(tmp_path, ("afw", "helen"))
    groups = [record.group for record in records_of(tmp_path, "ibug")[0]]
    assert groups == ["afw/100123"] * 2 + ["afw/image_0004"] + ["helen/100123"] * 2 + [
        "helen/image_0004"
    ]


def test_wflw_faces_of_one_photograph_share_a_group(drawn: Any, tmp_path: Path) -> None:
    drawn.wflw(tmp_path)
    records, _ = records_of(tmp_path, "wflw")
    assert len(records) == 8
    both = [record for record in records if "train_0" in record.name]
    assert len(both) == 2 and both[0].group == both[1].group and both[0].name != both[1].name
    assert {record.split for record in records} == {"train", "test"}


@pytest.mark.parametrize(
    ("stem", "numbers", "expected"),
    [
        ("134212_1", 1, "134212"),
        ("image_0001", 1, "image_0001"),
        ("image_0001_mirror", 1, "image_0001"),
        ("12_37_Soccer_37_45_9", 1, "12_37_Soccer_37_45"),
        ("AFW_134212_1_0", 2, "AFW_134212"),
        ("10009865324_0", 2, "10009865324"),
        ("_1", 1, "_1"),
        ("7", 1, "7"),
    ],
)
def test_the_photograph_in_a_name(stem: str, numbers: int, expected: str) -> None:
    assert photograph_of(stem, numbers) == expected


# What is wrong, and where


def with_word(position: int, word: str) -> Callable[[str], str]:
    def change(line: str) -> str:
        tokens = line.split()
        tokens[position] = word
        return " ".join(tokens)

    return change


def one_word_less(line: str) -> str:
    return line.rsplit(maxsplit=1)[0]


# layout, file, line, change of that line, place the message must name, words it must hold
BAD_LINES = [
    ("nni", "train_data/list.txt", 2, one_word_less, 2, "211 numbers"),
    ("nni", "train_data/list.txt", 2, with_word(5, "nan"), 2, "number 5 is 'nan'"),
    ("nni", "train_data/list.txt", 3, with_word(1, "abc"), 3, "number 1 is 'abc'"),
    ("nni", "test_data/list.txt", 1, with_word(9, "inf"), 1, "number 9 is 'inf'"),
    ("nni", "train_data/list.txt", 2, with_word(7, "58.5"), 2, "divide x and y"),
    ("nni", "train_data/list.txt", 2, with_word(0, "gone.png"), 2, "no picture gone.png"),
    ("nni", "train_data/list.txt", 2, with_word(0, "../../x.png"), 2, "no picture ../../x.png"),
    ("nni", "train_data/list.txt", 2, with_word(0, "/tmp/x.png"), 2, "no picture /tmp/x.png"),
    ("nni", "train_data/list.txt", 2, with_word(0, "0_a_0.png"), 2, "list.txt:1 again"),
    ("nni", "train_data/list.txt", 2, lambda line: " ".join(line.split()[:137]), 2, "68 points"),
    ("lapa", "train/landmarks/1123456_1.txt", 1, lambda _: "105", 1, "must be 106"),
    ("lapa", "train/landmarks/1123456_1.txt", 9, lambda _: None, 1, "105 lines"),
    ("lapa", "train/landmarks/1123456_1.txt", 9, lambda _: "1 2 3", 9, "3 numbers"),
    ("lapa", "train/landmarks/1123456_1.txt", 9, lambda _: "1 x", 9, "number 2 is 'x'"),
    ("ibug", "afw/100123_1.pts", 2, lambda _: "n_points: 67", 3, "n_points is 67"),
    ("ibug", "afw/100123_1.pts", 2, lambda _: None, 2, "n_points is None"),
    ("ibug", "afw/100123_1.pts", 9, lambda _: None, 3, "67 points"),
    ("ibug", "afw/100123_1.pts", 9, lambda _: "5.0", 9, "1 numbers"),
    ("ibug", "afw/100123_1.pts", 9, lambda _: "nan 2", 9, "number 1 is 'nan'"),
    ("ibug", "afw/100123_1.pts", 3, lambda _: None, 1, "no line with {"),
    ("ibug", "afw/100123_1.pts", 72, lambda _: None, 3, "do not end"),
    ("wflw", f"{WFLW_LISTS}/list_98pt_rect_attr_train.txt", 2, one_word_less, 2, "206 words"),
    ("wflw", f"{WFLW_LISTS}/list_98pt_rect_attr_train.txt", 2, with_word(3, "x"), 2, "'x'"),
    ("wflw", f"{WFLW_LISTS}/list_98pt_rect_attr_train.txt", 2, with_word(-1, "a.jpg"), 2, "a.jpg"),
    ("wflw", f"{WFLW_LISTS}/list_98pt_rect_attr_train.txt", 2, with_word(-1, "../a"), 2, "../a in"),
]  # fmt: skip


@pytest.mark.parametrize(("layout", "file", "line", "change", "at", "words"), BAD_LINES)
def test_a_bad_line_is_named_or_left_out(
    drawn: Any, tmp_path: Path, layout: str, file: str, line: int, change: Any, at: int, words: str
) -> None:
    getattr(drawn, layout)(tmp_path)
    whole = len(records_of(tmp_path, layout)[0])
    edit(tmp_path / file, line, change)
    with pytest.raises(BadInput) as caught:
        records_of(tmp_path, layout)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/{file}:{at}:") and words in message
    assert "\n" not in message and ";" in message and "fetch.on_bad" in message
    left, messages = records_of(tmp_path, layout, on_bad="skip")
    assert len(left) == whole - 1 and len(messages) == 1
    assert messages[0].startswith(f"{file}:{at}:") and words in messages[0]


@pytest.mark.parametrize(
    ("layout", "picture", "label"),
    [
        ("lapa", "val/images/0123456_1.jpg", "val/landmarks/0123456_1.txt:1"),
        ("ibug", "afw/100123_1.jpg", "afw/100123_1.pts:1"),
    ],
)
def test_a_missing_picture_is_named_by_its_label(
    drawn: Any, tmp_path: Path, layout: str, picture: str, label: str
) -> None:
    getattr(drawn, layout)(tmp_path)
    (tmp_path / picture).unlink()
    with pytest.raises(BadInput, match=f"{label}: no picture"):
        records_of(tmp_path, layout)


def test_the_same_wflw_line_twice_is_named(drawn: Any, tmp_path: Path) -> None:
    drawn.wflw(tmp_path)
    path = tmp_path / WFLW_LISTS / "list_98pt_rect_attr_train.txt"
    path.write_text(path.read_text() + path.read_text().splitlines()[1])
    with pytest.raises(BadInput, match=r"train\.txt:6: the same face as in .*train\.txt:2"):
        records_of(tmp_path, "wflw")


@pytest.mark.parametrize(
    ("layout", "file"),
    [
        ("nni", "test_data/list.txt"),
        ("wflw", f"{WFLW_LISTS}/list_98pt_rect_attr_test.txt"),
    ],
)
@pytest.mark.parametrize("on_bad", ["fail", "skip"])
def test_a_missing_or_empty_list_is_never_tolerated(
    drawn: Any, tmp_path: Path, layout: str, file: str, on_bad: str
) -> None:
    getattr(drawn, layout)(tmp_path)
    (tmp_path / file).write_text("\n \n")
    with pytest.raises(BadInput, match=f"{Path(file).name}:1: lists nothing"):
        records_of(tmp_path, layout, on_bad)
    (tmp_path / file).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="not a text file"):
        records_of(tmp_path, layout, on_bad)
    (tmp_path / file).unlink()
    with pytest.raises(BadInput, match=f"{Path(file).name}: no such file"):
        records_of(tmp_path, layout, on_bad)


@pytest.mark.parametrize("name", ["0123456_1", "1123456_1", "2123456_1"])
def test_an_empty_label_file_is_named(drawn: Any, tmp_path: Path, name: str) -> None:
    drawn.lapa(tmp_path, ("train",))
    (tmp_path / "train/landmarks" / f"{name}.txt").write_text("")
    with pytest.raises(BadInput, match=f"{name}.txt:1: lists nothing"):
        records_of(tmp_path, "lapa")
    assert len(records_of(tmp_path, "lapa", "skip")[0]) == 2


def test_nothing_usable_is_an_error_even_when_skipping(drawn: Any, tmp_path: Path) -> None:
    drawn.ibug(tmp_path, ("afw",))
    for picture in (tmp_path / "afw").glob("*.jpg"):
        picture.unlink()
    with pytest.raises(BadInput, match=r"no face can be used \(3 bad: afw/100123_1\.pts:1"):
        records_of(tmp_path, "ibug", "skip")


# How records are held


def test_records_come_back_as_they_were_put_in(tmp_path: Path) -> None:
    points = np.arange(10.0).reshape(5, 2)
    flags, box = {"blur": True}, np.array([1.0, 2, 3, 4])
    one = Record(tmp_path / "a.png", "a.png", "list:1", points, "a.png")
    two = Record(
        tmp_path / "b.png", "b#1", "list:2", points[:3], "b", "test", points[0], True, box, flags
    )
    pose = np.array([0.1, 0.2, 0.3])
    records = Records(tmp_path, [one, dataclasses.replace(two, pose=pose)])
    records.keep([1, 0])
    records.set_points(0, points + 1)
    first, second = records
    np.testing.assert_array_equal(first.points, points + 1)
    np.testing.assert_array_equal(first.pose, pose)
    np.testing.assert_array_equal(first.box, box)
    assert (first.image, first.name, first.split) == (tmp_path / "b.png", "b#1", "test")
    assert first.cropped and first.flags == flags
    np.testing.assert_array_equal(second.points, points)
    assert second.pose is None and second.box is None and second.origin == "list:1"


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
    record = Record(tmp_path / "a.png", "a.png", "list:1", np.zeros((5, 2)), "a")
    with pytest.raises(CannotWrite, match="No space left"):
        Records(tmp_path, [record])
