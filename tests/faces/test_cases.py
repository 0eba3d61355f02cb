"""Data sets as people bring them: made here with drawn faces, each with what is expected of it."""

import json
import os
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from fbnet.errors import BadInput
from fbnet.faces.crop import load_picture, may_be_turned
from fbnet.faces.duplicates import merged
from fbnet.faces.faceset import SPLITS
from fbnet.faces.prepare import Prepared, prepare
from fbnet.landmarks import SCHEMES
from fbnet.params import FetchParams
from tests.drawn import PHOTO, make_landmarks, photo_points, words, write_picture, write_text

EXIF = (
    b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
    b"\x00\x00\x00\x00"
)
"""EXIF data that say: turn the picture clockwise by a quarter."""


def run(root: Path, **params: Any) -> Prepared:
    fetch = FetchParams(root=str(root), size=48, margin=8, **params)
    return prepare(fetch, root.parent / "faces")


def pts(points: np.ndarray) -> str:
    rows = "\n".join(words(row) for row in points + 1)
    return f"version: 1\nn_points: {len(points)}\n{{\n{rows}\n}}\n"


def face(path: Path, seed: int = 0, points: int = 68) -> np.ndarray:
    """A drawn photograph at `path`, its points in the .pts file beside it; returns them."""
    places = photo_points(points, seed)
    write_picture(path, places)
    write_text(path.with_suffix(".pts"), pts(places))
    return places


def faces(folder: Path, count: int, start: int = 0, name: str = "p{:03d}x.png") -> None:
    for number in range(start, start + count):
        face(folder / name.format(number), number)


def splits(prepared: Prepared, depth: int = 2) -> dict[str, dict[str, int]]:
    """Number of faces by folder and split."""
    names = list(SPLITS)
    counts: dict[str, Counter[str]] = {}
    for name, code in zip(prepared.faces.names, prepared.faces.split, strict=True):
        folder = "/".join(name.split("/")[:-1][:depth])
        counts.setdefault(folder, Counter())[names[code]] += 1
    return {folder: dict(sorted(count.items())) for folder, count in counts.items()}


# Test faces stay in test


def whole_300w(root: Path) -> None:
    faces(root / "afw", 6)
    faces(root / "helen/trainset", 6, 10)
    faces(root / "helen/testset", 3, 20)
    faces(root / "ibug", 3, 30, "image_{:03d}.png")
    for start, place in ((40, "01_Indoor"), (50, "02_Outdoor")):
        faces(root / "300W" / place, 2, start, place[3:].lower() + "_{:03d}.png")


@pytest.mark.parametrize("nested", ["", "download/300W"])
def test_300w_whole_with_its_private_test_set(
    tmp_path: Path, nested: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole_300w(tmp_path / "data" / nested)
    prepared = run(tmp_path / "data")
    by_folder = splits(prepared, 9)
    prefix = f"{nested}/" if nested else ""
    for place in ("helen/testset", "ibug", "300W/01_Indoor", "300W/02_Outdoor"):
        assert set(by_folder[prefix + place]) == {"test"}
    for place in ("afw", "helen/trainset"):
        assert "test" not in by_folder[prefix + place]
    flags = {name: int(values.sum()) for name, values in prepared.faces.flags.items()}
    assert flags == {"common": 3, "challenging": 3, "full": 6, "private": 4}
    told = capsys.readouterr().out
    assert f"{prefix}300W/01_Indoor: 2 test (private)" in told and "warning" not in told


def test_a_folder_that_says_no_split_is_told_before_it_is_guessed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole_300w(tmp_path / "data")
    faces(tmp_path / "data/mystery", 4, 60)
    assert set(splits(run(tmp_path / "data"))["mystery"]) <= {"train", "validation"}
    assert "warning: the names of mystery say no split" in capsys.readouterr().out
    faces(tmp_path / "plain/own", 8)
    run(tmp_path / "plain")
    assert "no folder says what is for test" in capsys.readouterr().out


def test_attributes_of_wflw_are_flags(drawn: Any, tmp_path: Path) -> None:
    drawn.wflw(tmp_path / "data")
    flags = run(tmp_path / "data").faces.flags
    assert list(flags)[2] == "illumination" and flags["illumination"].all()
    assert sum(int(values.sum()) for values in flags.values()) == 8


@pytest.mark.parametrize("place", ["", "WFLW_annotations", "WFLW/WFLW_annotations/deeper"])
@pytest.mark.parametrize("short", [False, True])
def test_wflw_wherever_its_lists_lie(drawn: Any, tmp_path: Path, place: str, short: bool) -> None:
    drawn.wflw(tmp_path / "made")
    lists = tmp_path / "made/WFLW_annotations/list_98pt_rect_attr_train_test"
    root = tmp_path / "data"
    (root / place).mkdir(parents=True)
    for path in sorted(lists.iterdir()):
        shutil.move(path, root / place)
    shutil.move(tmp_path / "made/WFLW_images", root / place.split("/")[0] / "WFLW_images")
    if short:
        whole = root / place / "list_98pt_rect_attr_test.txt"
        lines = [line.split() for line in whole.read_text().splitlines()]
        (root / place / "list_98pt_test").mkdir()
        plain = "\n".join(" ".join([*line[:196], line[-1]]) for line in lines)
        (root / place / "list_98pt_test/list_98pt_test.txt").write_text(plain)
        whole.unlink()
    prepared = run(root)
    assert len(prepared.faces) == 8 and len(prepared.faces.indices("test")) == 3


# Nothing is lost in silence


def test_linked_folders_are_entered_once(tmp_path: Path) -> None:
    faces(tmp_path / "store/helen", 8)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/helen").symlink_to("../store/helen")
    (tmp_path / "data/again").symlink_to("../store/helen")
    (tmp_path / "store/helen/loop").symlink_to("..")
    prepared = run(tmp_path / "data")
    assert len(prepared.faces) == 8
    assert prepared.unused["helen/"] == "a link to a folder that is read already"


@pytest.mark.parametrize(
    ("label", "picture"),
    [
        (".PTS", ".png"), (".pts", ".PNG"), (".Pts", ".Png"), (".pts", ".tif"), (".pts", ".ppm"),
        (".pts", ".webp"), (".pts", ".bmp"), (".pts", ".TIFF"), (".png.pts", ".png"),
    ],
)  # fmt: skip
def test_every_spelling_of_a_suffix(tmp_path: Path, label: str, picture: str) -> None:
    for number in range(8):
        stem = tmp_path / "data" / f"p{number}x"
        places = photo_points(68, number)
        write_picture(stem.with_suffix(".png"), places)
        image = cv2.imread(str(stem.with_suffix(".png")))
        stem.with_suffix(".png").unlink()
        (stem.parent / (stem.name + picture)).write_bytes(
            cv2.imencode(picture.lower(), image)[1].tobytes()
        )
        write_text(stem.parent / (stem.name + label), pts(places))
    prepared = run(tmp_path / "data")
    assert len(prepared.faces) == 8 and not prepared.unused


def test_every_file_is_used_or_has_its_reason(tmp_path: Path) -> None:
    root = tmp_path / "data"
    faces(root / "own", 8)
    write_picture(root / "own/alone.png", photo_points(68, 0))
    write_text(root / "notes.txt", "x")
    write_text(root / "own/broken.pts", "x")
    write_picture(root / "own/broken.png", photo_points(68, 0))
    for trace in ("._p000x.png", "Thumbs.db", "desktop.ini", ".DS_Store"):
        write_text(root / "own" / trace, "\0")
    write_text(root / "__MACOSX/own/p000x.pts", "\0")
    (root / "gone.png").symlink_to("nowhere")
    prepared = run(root, on_bad="skip")
    assert len(prepared.faces) == 8
    assert prepared.unused == {
        "__MACOSX": "a trace of macOS",
        "gone.png": "a broken link",
        "notes.txt": "neither picture nor label of this layout",
        "own/.DS_Store": "a trace of macOS",
        "own/._p000x.png": "a trace of macOS",
        "own/Thumbs.db": "a trace of Windows",
        "own/alone.png": "a picture without a label",
        "own/broken.png": "its label is left out",
        "own/broken.pts": f"left out: {prepared.skipped[0]}",
        "own/desktop.ini": "a trace of Windows",
    }
    listed = (tmp_path / "faces/unused.csv").read_text().splitlines()
    assert listed[0] == "file,reason" and len(listed) == 11


def test_names_that_are_not_utf8_are_refused_where_they_enter(tmp_path: Path) -> None:
    faces(tmp_path / "data", 8)
    shutil.copy(tmp_path / "data/p000x.png", os.fsencode(tmp_path) + b"/data/a\xff.png")
    with pytest.raises(BadInput, match=r"data/a\\xff\.png: its path is not UTF-8") as caught:
        run(tmp_path / "data")
    assert str(caught.value).count("fetch.on_bad") == 1
    assert len(run(tmp_path / "data", on_bad="skip").faces) == 8


def test_labels_in_a_tree_that_mirrors_the_pictures(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for person in ("a", "b"):
        for number in range(4):
            seed = number + 4 * (person == "b")
            write_picture(root / f"img/{person}/{number}.png", photo_points(68, seed))
            write_text(root / f"pts/{person}/{number}.pts", pts(photo_points(68, seed)))
    prepared = run(root)
    assert sorted(prepared.faces.names) == [f"img/{p}/{n}.png" for p in "ab" for n in range(4)]
    assert not prepared.unused and not prepared.suspicious
    (root / "img/a/2.png").unlink()
    with pytest.raises(BadInput, match=r"pts/a/2\.pts:1: no picture 2 beside it, and 1 of its"):
        run(root)


def test_names_of_letters_and_spaces_that_are_not_printed(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "写真　夏"
    faces(folder, 4, name="9.41.{:02d} AMx.png")
    faces(folder, 4, start=4, name="a‎{:02d}x.png")
    prepared = run(tmp_path / "data")
    assert len(prepared.faces) == 8 and not prepared.unused


def test_points_apart_from_pictures(tmp_path: Path) -> None:
    for number in range(8):
        face(tmp_path / "data/images" / f"p{number}x.png", number)
        (tmp_path / "data/labels").mkdir(exist_ok=True)
        shutil.move(tmp_path / f"data/images/p{number}x.pts", tmp_path / "data/labels")
    assert len(run(tmp_path / "data").faces) == 8


# Lists of the preparation scripts


SPELLINGS: dict[str, Callable[[Path, str, str], str]] = {
    "absolute": lambda root, part, name: f"{root}/{part}/imgs/{name}",
    "moved": lambda root, part, name: f"/home/someone/300W/{part}/imgs/{name}",
    "windows": lambda root, part, name: f"{part}\\imgs\\{name}",
    "drive": lambda root, part, name: f"D:\\sets\\300W\\{part}\\imgs\\{name}",
    "bare": lambda root, part, name: name,
    "up": lambda root, part, name: f"../300W/{part}/imgs/{name}",
    "case": lambda root, part, name: f"{part}/imgs/{name.upper()}",
    "quoted": lambda root, part, name: f'"{part}/imgs/{name}"',
    "blank": lambda root, part, name: f"/my sets/{part}/imgs/{name}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("further", [0, 3, 6, 9])
def test_lists_as_they_are_written(tmp_path: Path, spelling: str, further: int) -> None:
    root, marks = tmp_path / "data", [0, 0, 1, 0, 0, 0, 3.1, -12.5, 1.9]
    extra = {0: [], 3: marks[6:], 6: marks[:6], 9: marks}[further]
    for part, count in (("train_data", 6), ("test_data", 3)):
        lines = []
        for number in range(count):
            shares, name = make_landmarks(68, number), f"300W_{number}_a{number}b.png"
            write_picture(root / part / "imgs" / name, shares * 112 - 0.5, 112)
            path = SPELLINGS[spelling](root, part, name)
            lines.append(f"{path} {words(shares)} {words(extra)}")
        write_text(root / part / "list.txt", "\r\n".join(lines))
    prepared = run(root)
    assert len(prepared.faces) == 9 and not prepared.unused
    assert len(prepared.faces.indices("test")) == 3
    flags = prepared.faces.flags
    assert ("illumination" in flags and flags["illumination"].all()) == (further >= 6)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("point", [".", ","])
def test_labels_of_other_encodings(tmp_path: Path, encoding: str, point: str) -> None:
    faces(tmp_path / "data", 8)
    for path in (tmp_path / "data").glob("*.pts"):
        text = path.read_text().replace(".", point).replace("\n", "\r\n")
        path.write_bytes(text.encode(encoding))
    assert len(run(tmp_path / "data").faces) == 8


# What photographs are


def test_a_photograph_that_is_there_twice_stays_in_one_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    faces(root / "one", 12)
    (root / "two").mkdir()
    for number in range(6):
        image = cv2.imread(str(root / f"one/p{number:03d}x.png"))
        large = cv2.resize(image, (2 * PHOTO, 2 * PHOTO), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(root / f"two/other{number}x.jpg"), large)
        write_text(root / f"two/other{number}x.pts", pts(photo_points(68, number) * 2 + 0.5))
    prepared = run(root)
    split = dict(zip(prepared.faces.names, prepared.faces.split.tolist(), strict=True))
    assert len(split) == 18 and len(set(prepared.faces.groups)) == 12
    for number in range(6):
        assert split[f"one/p{number:03d}x.png"] == split[f"two/other{number}x.jpg"]
    assert "6 photographs are there twice by content" in capsys.readouterr().out
    listed = (tmp_path / "faces/duplicates.csv").read_text().splitlines()
    assert listed[0] == "face,note" and len(listed) == 7


def test_a_copy_in_train_of_a_test_photograph_is_left_out(tmp_path: Path) -> None:
    root = tmp_path / "data"
    faces(root / "train", 8)
    faces(root / "test", 4, 20)
    for suffix in (".png", ".pts"):
        shutil.copy(root / f"test/p020x{suffix}", root / f"train/copy{suffix}")
    prepared = run(root)
    assert len(prepared.faces) == 12 and "train/copy.png" not in prepared.faces.names
    assert prepared.unused["train/copy.png"].endswith("a copy of test/p020x.png")


def test_the_copy_that_stays_is_named_wherever_it_sorts(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root = tmp_path / "data"
    faces(root / "afw", 8)
    faces(root / "helen/testset", 4, 20)
    for suffix in (".png", ".pts"):
        shutil.copy(root / f"helen/testset/p020x{suffix}", root / f"afw/copy{suffix}")
    prepared = run(root)
    assert "afw/copy.png" not in prepared.faces.names
    assert prepared.unused["afw/copy.png"].endswith("a copy of helen/testset/p020x.png")
    assert "1 copies left out" in capsys.readouterr().out


def test_a_copy_of_a_copy_is_left_out_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copies of a test photograph need not be alike by themselves; all pairs are listed."""
    root = tmp_path / "data"
    faces(root / "train", 8)
    faces(root / "test", 4, 20)
    for name in ("copy#small", "copy_again"):
        for suffix in (".png", ".pts"):
            shutil.copy(root / f"test/p020x{suffix}", root / f"train/{name}{suffix}")

    def chain(fingerprints: np.ndarray, groups: list[str]) -> list[tuple[int, int]]:
        small, again, original = (
            next(i for i, group in enumerate(groups) if name in group)
            for name in ("copy#small", "copy_again", "p020")
        )
        return [(again, small), (original, small)]

    monkeypatch.setattr("fbnet.faces.prepare.duplicates.duplicates", chain)
    prepared = run(root)
    assert not [name for name in prepared.faces.names if "copy" in name]
    assert len(prepared.faces) == 12
    for name in ("copy#small", "copy_again"):
        assert prepared.unused[f"train/{name}.png"].endswith("a copy of test/p020x.png")
    listed = (tmp_path / "faces/duplicates.csv").read_text().splitlines()
    assert len(listed) == 3


def test_groups_are_joined_through_others() -> None:
    assert merged(["c", "b", "a", "d"], [(1, 0), (2, 1)]) == ["a", "a", "a", "d"]


# Labels that look wrong


def suspects(root: Path) -> None:
    """40 faces of much the same shape, 5 of them with labels that are wrong in different ways."""
    rng, scheme = np.random.default_rng(1), SCHEMES[68]
    changes: list[Callable[[np.ndarray], np.ndarray]] = [
        rng.permutation,
        lambda points: points[list(scheme.mirror)],
        lambda points: np.where(np.arange(68)[:, None] < 5, -1, points),
        lambda points: np.where(np.arange(68)[:, None] < 1, -1, points),
        lambda points: points + np.array((45, 0)),
    ]
    for number in range(40):
        places = photo_points(68, 0) + rng.normal(0, 0.7, (68, 2))
        write_picture(root / f"p{number:03d}x.png", places)
        wrong = changes[number](places) if number < len(changes) else places
        write_text(root / f"p{number:03d}x.pts", pts(wrong))


def test_wrong_labels_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suspects(tmp_path / "data")
    prepared = run(tmp_path / "data", unseen="keep")
    assert len(prepared.faces) == 40
    assert {name: note.split(":")[0] for name, note in prepared.suspicious.items()} == {
        "p000x.png": "the points form no face",
        "p001x.png": "left and right are exchanged",
        "p002x.png": "5 points at (-1, -1)",
        "p003x.png": "a point at (-1, -1)",
        "p004x.png": prepared.suspicious["p004x.png"],
    }
    assert prepared.suspicious["p004x.png"].endswith("points outside the picture")
    assert "warning: 5 suspicious label(s)" in capsys.readouterr().out
    assert len((tmp_path / "faces/suspicious.csv").read_text().splitlines()) == 6


def test_wrong_labels_can_be_left_out_or_refused(tmp_path: Path) -> None:
    suspects(tmp_path / "data")
    prepared = run(tmp_path / "data", on_suspicious="skip", unseen="keep")
    assert (len(prepared.faces), len(prepared.skipped), prepared.suspicious) == (35, 5, {})
    assert prepared.unused["p001x.png"] == "left out: left and right are exchanged"
    with pytest.raises(BadInput, match=r"5 suspicious label\(s\), the first p000x\.png: "):
        run(tmp_path / "data", on_suspicious="fail", unseen="keep")


def test_points_outside_their_rectangle(drawn: Any, tmp_path: Path) -> None:
    drawn.wflw(tmp_path / "data")
    lists = tmp_path / "data/WFLW_annotations/list_98pt_rect_attr_train_test"
    path = lists / "list_98pt_rect_attr_train.txt"
    path.write_text(path.read_text().replace(" 5 5 90 90 ", " 5 5 30 30 ", 1))
    (note,) = run(tmp_path / "data").suspicious.values()
    assert note.endswith("points outside the face's rectangle")


# Pictures


def with_exif(path: Path) -> None:
    data = path.read_bytes()
    size = (len(EXIF) + 2).to_bytes(2, "big")
    path.write_bytes(data[:2] + b"\xff\xe1" + size + EXIF + data[2:])


@pytest.mark.parametrize("kind", ["jpg", "tif"])
@pytest.mark.parametrize("labels", ["upright", "stored"])
@pytest.mark.parametrize("exif", ["auto", "apply", "ignore"])
def test_pictures_that_are_to_be_turned(tmp_path: Path, kind: str, labels: str, exif: str) -> None:
    """A face whose dots lie where its points are was turned as its labels are."""
    root = tmp_path / "data"
    for number in range(6):
        places = face(root / f"p{number}x.png", number)
        image = cv2.imread(str(root / f"p{number}x.png"))
        (root / f"p{number}x.png").unlink()
        if labels == "upright":
            image = cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE)
        else:  # the labels follow the pixels, on which the face lies on its side
            image = cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE)
            places = np.stack([places[:, 1], PHOTO - 1 - places[:, 0]], axis=1)
            write_text(root / f"p{number}x.pts", pts(places))
        if kind == "tif":
            picture = Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
            picture.save(root / f"p{number}x.tif", tiffinfo={274: 6})
        else:
            cv2.imwrite(str(root / f"p{number}x.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 98])
            with_exif(root / f"p{number}x.jpg")
    result = run(root, exif=exif, on_suspicious="keep").faces
    pixels = np.rint(result.landmarks * result.size + result.margin - 0.5).astype(int)
    bright = [
        image[y, x].mean()
        for image, points in zip(result.images, pixels, strict=True)
        for x, y in points
    ]
    right = exif == "auto" or (exif == "apply") == (labels == "upright")
    assert (np.mean(bright) > result.images.mean() + 40) == right


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_can_be_read_as_it_is_stored(tmp_path: Path, orientation: int) -> None:
    stored = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    path = tmp_path / "a.tif"
    Image.fromarray(stored).save(path, tiffinfo={274: orientation})
    assert np.array_equal(load_picture(path, stored=True)[..., ::-1], stored)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    assert np.array_equal(load_picture(path)[..., ::-1], upright)
    assert may_be_turned(path) == (orientation > 1)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_deep_pixels_keep_their_brightness(tmp_path: Path, bits: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    picture[0, 0], picture[0, 1] = 0, 255
    deep = (picture.astype(np.float64) * ((2**bits - 1) / 255)).round()
    cv2.imwrite(str(tmp_path / "a.png"), deep.astype(np.uint16))
    assert np.abs(load_picture(tmp_path / "a.png").astype(int) - picture).max() <= 1
    cv2.imwrite(str(tmp_path / "a.tiff"), (picture / 255).astype(np.float32))
    assert np.abs(load_picture(tmp_path / "a.tiff").astype(int) - picture).max() <= 1


# Points


@pytest.mark.parametrize("points", [68, 98, 106])
def test_pts_files_of_every_known_scheme(tmp_path: Path, points: int) -> None:
    for number in range(8):
        face(tmp_path / "data" / f"p{number}x.png", number, points)
    assert run(tmp_path / "data").faces.points == points


def test_points_of_no_known_scheme_are_named(tmp_path: Path) -> None:
    for number in range(8):
        places = face(tmp_path / "data" / f"p{number}x.png", number)
        write_text(tmp_path / "data" / f"p{number}x.pts", pts(places[:5]))
    with pytest.raises(BadInput, match=r"p0x\.pts:1: 5 points are no known scheme \(known: 68"):
        run(tmp_path / "data")


def test_a_face_of_another_scheme_is_named(tmp_path: Path) -> None:
    faces(tmp_path / "data", 8)
    face(tmp_path / "data/other.png", 9, 98)
    with pytest.raises(BadInput, match=r"other\.pts:1: 98 points where .* has 68; keep one"):
        run(tmp_path / "data")


# What labelling tools export


def dlib(root: Path, labels: dict[str, np.ndarray]) -> None:
    rows = ""
    for name, points in labels.items():
        parts = "".join(
            f"<part name='{i:02d}' x='{x}' y='{y}'/>" for i, (x, y) in enumerate(points)
        )
        rows += (
            f"<image file='{name}'><box top='1' left='1' width='9' height='9'>{parts}</box></image>"
        )
    write_text(
        root / "labels.xml", f"<?xml version='1.0'?><dataset><images>{rows}</images></dataset>"
    )


def cvat(root: Path, labels: dict[str, np.ndarray]) -> None:
    rows = ""
    for name, points in labels.items():
        listed = ";".join(f"{x},{y}" for x, y in points)
        rows += f'<image id="0" name="{name}"><points label="face" points="{listed}"/></image>'
    write_text(root / "annotations.xml", f"<annotations>{rows}</annotations>")


def coco(root: Path, labels: dict[str, np.ndarray]) -> None:
    images = [{"id": i, "file_name": f"C:\\sets\\{name}"} for i, name in enumerate(labels)]
    faces = [
        {
            "image_id": i,
            "keypoints": np.pad(points, ((0, 0), (0, 1)), constant_values=2).ravel().tolist(),
        }
        for i, points in enumerate(labels.values())
    ]
    write_text(root / "person.json", json.dumps({"images": images, "annotations": faces}))


def labelme(root: Path, labels: dict[str, np.ndarray]) -> None:
    for name, points in labels.items():
        shapes = [
            {"label": str(i), "points": [place], "group_id": None, "shape_type": "point"}
            for i, place in reversed(list(enumerate(points.tolist())))
        ]
        label = {"version": "5", "shapes": shapes, "imagePath": name}
        write_text(root / Path(name).with_suffix(".json"), json.dumps(label))


@pytest.mark.parametrize("tool", [dlib, cvat, coco, labelme])
def test_exports_of_labelling_tools(tmp_path: Path, tool: Callable[..., None]) -> None:
    labels = {f"images/p{number}x.png": photo_points(68, number) for number in range(8)}
    for name, points in labels.items():
        write_picture(tmp_path / "data" / name, points)
    tool(tmp_path / "data", labels)
    prepared = run(tmp_path / "data")
    assert (len(prepared.faces), prepared.faces.layout) == (8, tool.__name__)
    assert not prepared.unused and not prepared.suspicious
    pixels = np.rint(prepared.faces.landmarks * 48 + 7.5).astype(int)
    images = prepared.faces.images
    bright = [
        image[y, x].mean() for image, points in zip(images, pixels, strict=True) for x, y in points
    ]
    assert np.mean(bright) > images.mean() + 40
    (tmp_path / "data/images/p3x.png").unlink()
    with pytest.raises(BadInput, match=r"no picture .*p3x\.png"):
        run(tmp_path / "data")
    assert len(run(tmp_path / "data", on_bad="skip").faces) == 7


def labelled(root: Path, count: int) -> dict[str, np.ndarray]:
    """Pictures with their labels."""
    labels = {f"p{number}x.png": photo_points(68, number) for number in range(count)}
    for name, points in labels.items():
        write_picture(root / name, points)
    return labels


@pytest.mark.parametrize("tool", [coco, labelme])
def test_keys_in_any_order(tmp_path: Path, tool: Callable[..., None]) -> None:
    tool(tmp_path / "data", labelled(tmp_path / "data", 8))
    for path in (tmp_path / "data").glob("*.json"):
        label = json.loads(path.read_text()) | {"imageData": "A" * 10_000}
        write_text(path, json.dumps(label, sort_keys=True))
    prepared = run(tmp_path / "data")
    assert (len(prepared.faces), prepared.faces.layout) == (8, tool.__name__)


def test_an_annotation_of_no_image_is_one_bad_face(tmp_path: Path) -> None:
    coco(tmp_path / "data", labelled(tmp_path / "data", 8))
    path = tmp_path / "data/person.json"
    label = json.loads(path.read_text())
    label["annotations"][4]["image_id"] = 99
    write_text(path, json.dumps(label))
    with pytest.raises(BadInput, match="annotation 5: no image has the id 99"):
        run(tmp_path / "data")
    prepared = run(tmp_path / "data", on_bad="skip")
    assert len(prepared.faces) == 7
    assert prepared.unused == {"p4x.png": "a picture without a label"}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("keypoints", None, "annotation 5: keypoints is None: input should be a valid list"),
        ("keypoints", [1.0, None, 2], "annotation 5: keypoints.1 is None: input should be a valid"),
        ("image_id", None, "annotation 5: image_id"),
    ],
)
def test_a_broken_annotation_is_one_bad_face(
    tmp_path: Path, key: str, value: Any, message: str
) -> None:
    coco(tmp_path / "data", labelled(tmp_path / "data", 8))
    path = tmp_path / "data/person.json"
    label = json.loads(path.read_text())
    label["annotations"][4][key] = value
    write_text(path, json.dumps(label))
    with pytest.raises(BadInput, match=re.escape(message)):
        run(tmp_path / "data")
    prepared = run(tmp_path / "data", on_bad="skip")
    assert len(prepared.faces) == 7 and [*prepared.unused] == ["p4x.png"]
    assert ("left out: person.json:annotation 5" in prepared.unused["p4x.png"]) == (
        key != "image_id"
    )


def test_a_broken_image_of_a_list_is_one_bad_record(tmp_path: Path) -> None:
    coco(tmp_path / "data", labelled(tmp_path / "data", 8))
    path = tmp_path / "data/person.json"
    label = json.loads(path.read_text())
    label["images"][2]["file_name"] = None
    write_text(path, json.dumps(label))
    with pytest.raises(BadInput, match=r"person\.json:image 3: file_name is None"):
        run(tmp_path / "data")
    assert len(run(tmp_path / "data", on_bad="skip").faces) == 7


def test_one_id_of_two_images_is_refused(tmp_path: Path) -> None:
    labels = labelled(tmp_path / "data", 8)
    coco(tmp_path / "data", labels)
    path = tmp_path / "data/person.json"
    label = json.loads(path.read_text())
    label["images"].append(label["images"][0])  # the same one again is none of two
    write_text(path, json.dumps(label))
    assert len(run(tmp_path / "data").faces) == 8
    for number, image in enumerate(label["images"]):
        image["id"] = number % 4
    write_text(path, json.dumps(label))
    with pytest.raises(BadInput, match=r"json: the images .*p0x\.png and .*p4x\.png have the id 0"):
        run(tmp_path / "data")


def test_people_without_key_points_are_no_faces(tmp_path: Path) -> None:
    coco(tmp_path / "data", labelled(tmp_path / "data", 8))
    path = tmp_path / "data/person.json"
    label = json.loads(path.read_text())
    label["annotations"][4] |= {"num_keypoints": 0, "keypoints": [0] * 204}
    write_text(path, json.dumps(label))
    prepared = run(tmp_path / "data")
    assert len(prepared.faces) == 7 and [*prepared.unused] == ["p4x.png"]


def test_a_file_without_a_split_is_for_training_where_no_other_is(tmp_path: Path) -> None:
    labels = labelled(tmp_path / "data", 12)
    for name, chosen in (("trainval", range(8)), ("test", range(8, 12))):
        coco(tmp_path / "made", {f"p{n}x.png": labels[f"p{n}x.png"] for n in chosen})
        (tmp_path / "made/person.json").rename(tmp_path / f"data/{name}.json")
    prepared = run(tmp_path / "data")
    assert np.bincount(prepared.faces.split)[2] == 4 and len(prepared.faces) == 12


def test_labels_that_hold_no_points_are_said(tmp_path: Path) -> None:
    labelled(tmp_path / "data", 8)
    path = tmp_path / "data/annotations.xml"
    write_text(path, '<annotations><image name="p0x.png"><box/></image></annotations>')
    with pytest.raises(BadInput, match="no face can be used: its labels hold no points"):
        run(tmp_path / "data")
    write_text(path, '<annotations><track><points frame="0" points="1,2"/></track></annotations>')
    with pytest.raises(
        BadInput, match=r"annotations\.xml: tracks of a video; export it as 'CVAT for"
    ):
        run(tmp_path / "data")


def test_a_picture_whose_name_ends_in_a_split_gives_none(tmp_path: Path) -> None:
    labels = labelled(tmp_path / "data", 7)
    write_picture(tmp_path / "data/steam-train.png", photo_points(68, 7))
    labelme(tmp_path / "data", labels | {"steam-train.png": photo_points(68, 7)})
    prepared = run(tmp_path / "data")
    assert len(prepared.faces) == 8 and not prepared.unused


def test_labelmes_files_have_the_splits_of_their_folders(tmp_path: Path) -> None:
    for folder, seed in (("train", 0), ("test", 10)):
        labels = {f"{folder}/q{seed + n}x.png": photo_points(68, seed + n) for n in range(6)}
        for name, points in labels.items():
            write_picture(tmp_path / "data" / name, points)
        labelme(tmp_path / "data", labels)
        for path in (tmp_path / "data" / folder).glob("*.json"):
            write_text(path, path.read_text().replace(f"{folder}/q", "q"))
    faces = run(tmp_path / "data").faces
    names = np.array(faces.names)
    assert {name.split("/")[0] for name in names[faces.indices("test")]} == {"test"}
    assert len(faces.indices("test")) == 6


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("person_keypoints_train2017", "person_keypoints_test2017"),
        ("labels_train_v2", "labels-test-v2.1"),
        ("train/_annotations.coco", "test/_annotations.coco"),
        ("train/labels", "test/labels"),
    ],
)
@pytest.mark.parametrize("tool", [dlib, cvat, coco])
def test_files_of_many_pictures_have_the_split_of_their_name_or_folder(
    tmp_path: Path, tool: Callable[..., None], train: str, test: str
) -> None:
    root = tmp_path / "data"
    for label, kind, seed in ((root / train, "one", 0), (root / test, "other", 10)):
        labels = {f"{kind}{n}x.png": photo_points(68, seed + n) for n in range(6)}
        for name, points in labels.items():
            write_picture(label.parent / name, points)
        tool(tmp_path / "made", labels)
        (made,) = (tmp_path / "made").iterdir()
        made.rename(label.with_name(f"{label.name}{made.suffix}"))
    found = run(root).faces
    tested = {Path(found.names[index]).name for index in found.indices("test")}
    assert tested == {f"other{n}x.png" for n in range(6)}


def test_a_labelmes_folder_of_no_known_split_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, folder in enumerate(("train", "test", "dev")):
        labels = {f"{folder}{n}x.png": photo_points(68, 9 * number + n) for n in range(5)}
        for name, points in labels.items():
            write_picture(tmp_path / "data" / folder / name, points)
        labelme(tmp_path / "data" / folder, labels)
    run(tmp_path / "data")
    assert "warning: the names of dev say no split, others do" in capsys.readouterr().out


@pytest.mark.parametrize("tool", [coco, labelme])
def test_pictures_are_found_from_the_label_upwards(
    tmp_path: Path, tool: Callable[..., None]
) -> None:
    seeds = {"": 0, "batch2/": 10}
    for place, seed in seeds.items():
        labels = {f"../images/{n}x.png": photo_points(68, seed + n) for n in range(5)}
        for name, points in labels.items():
            write_picture(tmp_path / "data" / place / "labels" / name, points)
        tool(tmp_path / "data" / place / "images", labels)
        (tmp_path / "data" / place / "labels").mkdir(exist_ok=True)
        for path in [*(tmp_path / "data" / place).rglob("*.json")]:
            if place or "batch2" not in path.parts:
                text = path.read_text().replace("C:\\\\sets\\\\", "")
                write_text(tmp_path / "data" / place / "labels" / path.name, text)
                path.unlink()
    prepared = run(tmp_path / "data")
    assert sorted(prepared.faces.names) == sorted(
        f"{place}images/{n}x.png" for place in seeds for n in range(5)
    )
    assert not prepared.suspicious and not prepared.unused


def test_the_only_picture_of_a_name_is_found_anywhere(tmp_path: Path) -> None:
    labels = {f"{n}é.png": photo_points(68, n) for n in range(8)}
    for name, points in labels.items():
        write_picture(
            tmp_path / "data/default/pictures" / unicodedata.normalize("NFD", name), points
        )
    coco(tmp_path / "data/annotations", labels)
    assert len(run(tmp_path / "data").faces) == 8
    write_picture(tmp_path / "data/annotations/0y.png", labels["0é.png"])
    with pytest.raises(BadInput, match=r"no picture .*0é\.png; add it"):
        run(tmp_path / "data")
    (tmp_path / "data/annotations/0y.png").unlink()
    write_picture(tmp_path / "data/other/0é.png", labels["0é.png"])
    with pytest.raises(BadInput, match=r"no picture .*0é\.png; add it"):
        run(tmp_path / "data")


@pytest.mark.parametrize("tool", [dlib, cvat, coco, labelme])
def test_names_group_the_faces_of_one_photograph(tmp_path: Path, tool: Callable[..., None]) -> None:
    labels = {f"person{n}_{m}.png": photo_points(68, 2 * n + m) for n in range(9) for m in (0, 1)}
    for name, points in labels.items():
        write_picture(tmp_path / "data" / name, points)
    tool(tmp_path / "data", labels)
    found = run(tmp_path / "data").faces
    assert len(set(found.groups)) == 9
    splits = {(group, code) for group, code in zip(found.groups, found.split, strict=True)}
    assert len(splits) == 9


def test_a_file_beside_folders_of_splits_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = labelled(tmp_path / "data", 8)
    dlib(tmp_path / "data/test", {f"../{name}": labels[name] for name in list(labels)[:3]})
    dlib(tmp_path / "data", {name: labels[name] for name in list(labels)[3:]})
    prepared = run(tmp_path / "data")
    assert np.bincount(prepared.faces.split)[2] == 3 and len(prepared.faces) == 8
    assert "warning: the names of . say no split" in capsys.readouterr().out


def test_parts_outside_of_a_cvat_picture_were_not_seen(tmp_path: Path) -> None:
    rows = ""
    for name, points in labelled(tmp_path / "data", 8).items():
        parts = "".join(
            f'<points label="{i}" outside="{int(i == 3)}" points="{x},{y}"/>'
            for i, (x, y) in enumerate(points)
        )
        rows += f'<image name="{name}"><skeleton label="face">{parts}</skeleton></image>'
    write_text(tmp_path / "data/annotations.xml", f"<annotations>{rows}</annotations>")
    unseen = np.isnan(run(tmp_path / "data").faces.landmarks[..., 0])
    assert unseen[:, 3].all() and unseen.sum() == 8


def test_a_photograph_of_train_and_validation_is_named(tmp_path: Path) -> None:
    labels = labelled(tmp_path / "data", 9)
    for split, chosen in (("train", range(5)), ("val", range(4, 7)), ("test", range(7, 9))):
        coco(tmp_path / "made", {f"p{n}x.png": labels[f"p{n}x.png"] for n in chosen})
        (tmp_path / "made/person.json").rename(tmp_path / f"data/{split}.json")
    with pytest.raises(BadInput, match=r"train\.json:annotation 5: the photograph of val\.json:"):
        run(tmp_path / "data")
    found = run(tmp_path / "data", on_bad="skip").faces
    assert np.bincount(found.split).tolist() == [4, 3, 2]


@pytest.mark.parametrize("on_bad", ["fail", "skip"])
def test_eyes_at_one_place_are_a_bad_record(tmp_path: Path, on_bad: str) -> None:
    labels = labelled(tmp_path / "data", 8)
    labels["p3x.png"][45] = labels["p3x.png"][36]
    dlib(tmp_path / "data", labels)
    if on_bad == "skip":
        assert len(run(tmp_path / "data", on_bad=on_bad).faces) == 7
    else:
        with pytest.raises(BadInput, match=r"p3x\.png, .* eye corners \(points 36 and 45\) lie at"):
            run(tmp_path / "data")


def test_a_picture_is_used_if_one_of_its_faces_is(tmp_path: Path) -> None:
    labels = labelled(tmp_path / "data", 8)
    dlib(tmp_path / "data", labels)
    path = tmp_path / "data/labels.xml"
    text = path.read_text()
    box = text[text.index("<box") : text.index("</box>") + len("</box>")]
    broken = box.replace("x='", "x='9", 3)
    write_text(path, text.replace(box, box + broken, 1))
    prepared = run(tmp_path / "data", on_bad="skip")
    assert len(prepared.faces) == 8 and len(prepared.skipped) == 1
    assert not prepared.unused
    assert set(run(tmp_path / "data", on_bad="skip", limit=4).unused) < set(labels)


@pytest.mark.parametrize("tool", [dlib, labelme])
def test_a_part_that_one_face_lacks_was_not_seen(tmp_path: Path, tool: Callable[..., None]) -> None:
    labels = {f"p{number}x.png": photo_points(68, number) for number in range(8)}
    for name, points in labels.items():
        write_picture(tmp_path / "data" / name, points)
    tool(tmp_path / "data", labels)
    for path in sorted((tmp_path / "data").glob("*.[xj]*")):
        text = path.read_text()
        # The sixth point of two faces goes, the others keep their numbers.
        if tool is dlib:
            pieces = text.split("<part name='05'")
            rest = [piece.partition("/>")[2] for piece in pieces[1:3]]
            text = "".join([pieces[0], *rest]) + "".join("<part name='05'" + p for p in pieces[3:])
        elif path.stem in ("p0x", "p1x"):
            label = json.loads(text)
            label["shapes"] = [shape for shape in label["shapes"] if shape["label"] != "5"]
            text = json.dumps(label)
        path.write_text(text)
    faces = run(tmp_path / "data").faces
    assert np.argwhere(np.isnan(faces.landmarks[..., 0])).tolist() == [[0, 5], [1, 5]]
    inner = faces.landmarks[2] - faces.landmarks[2].mean(axis=0)
    assert np.linalg.norm(inner[6]) > 0


def test_a_part_that_most_faces_lack_is_a_bad_record(tmp_path: Path) -> None:
    labels = {f"p{number}x.png": photo_points(68, number) for number in range(4)}
    for name, points in labels.items():
        write_picture(tmp_path / "data" / name, points)
    dlib(tmp_path / "data", labels)
    path = tmp_path / "data/labels.xml"
    path.write_text(path.read_text().replace("</box>", "<part name='99' x='3' y='4'/></box>", 1))
    with pytest.raises(BadInput, match=r"p0x\.png, box 1: has a point 99, which most faces lack"):
        run(tmp_path / "data")
    prepared = run(tmp_path / "data", on_bad="skip")
    assert len(prepared.faces) == 3 and "point 99" in prepared.unused["p0x.png"]


@pytest.mark.parametrize("unseen", ["mask", "keep"])
def test_a_set_whose_faces_have_no_seen_eye_is_refused(tmp_path: Path, unseen: str) -> None:
    write_picture(tmp_path / "data/p.png", photo_points(68, 0))
    for seen, reason in ((range(10), "an eye corner"), ((), "no point is labelled")):
        points = [[10.0 + 5 * i, 20, 2] if i in seen else [0, 0, 0] for i in range(68)]
        face = {"image_id": 0, "keypoints": np.ravel(points).tolist()}
        text = {"images": [{"id": 0, "file_name": "p.png"}], "annotations": [face]}
        write_text(tmp_path / "data/a.json", json.dumps(text))
        with pytest.raises(BadInput, match=f"no face can be used .*{reason}"):
            run(tmp_path / "data", on_bad="skip", unseen=unseen)


PART = (
    "<dataset><image file='p.png'><box><part name='{name}' x='{x}' y='2'/></box></image></dataset>"
)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.xml", "<dataset><images><image", "not valid XML"),
        ("a.xml", "<!DOCTYPE x [<!ENTITY a 'b'>]><dataset><image/></dataset>", "defines entities"),
        ("a.xml", PART.format(name="a", x="1"), "points need numbers as names"),
        ("a.xml", PART.format(name="1", x="x"), "is 'x'; write a finite number"),
        ("a.json", '{"images": 1, "annotations": []}', "images is 1: input should be a valid list"),
        ("a.json", '{"images": [], "annotations": [{"image_id": 1}]}', "no image has the id 1"),
        ("a.json", '{"shapes": [{"label": 1}], "imagePath": "p.png"}', "shapes.0.label is 1"),
        ("a.json", '{"shapes": [', r"a\.json:1: not valid JSON"),
    ],
)  # fmt: skip
def test_broken_exports_are_named(tmp_path: Path, name: str, text: str, reason: str) -> None:
    write_picture(tmp_path / "data/p.png", photo_points(68, 0))
    write_text(tmp_path / "data" / name, text)
    with pytest.raises(BadInput, match=reason) as caught:
        run(tmp_path / "data")
    assert "\n" not in str(caught.value)


# Messages


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "lists nothing"), (b"\xff", "not a text file"), (b"a\0", "NUL"), (b"1" * 70000, "long")],
)
def test_the_root_stands_once_in_a_message(tmp_path: Path, content: bytes, reason: str) -> None:
    faces(tmp_path / "data", 8)
    (tmp_path / "data/p002x.pts").write_bytes(content)
    reason = reason.replace("long", "a line of more than 65,536")
    with pytest.raises(BadInput, match=reason) as caught:
        run(tmp_path / "data")
    assert str(caught.value).startswith(f"{tmp_path}/data/p002x.pts")
    assert str(caught.value).count(str(tmp_path)) == 1
