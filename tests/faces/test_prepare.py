"""From a folder to the face set: every layout, bad pictures, splits, pose."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fbnet.errors import BadInput
from fbnet.faces import synthetic
from fbnet.faces.faceset import FaceSet
from fbnet.faces.prepare import Prepared, prepare, statistics
from fbnet.faces.readers.base import Problems, Reader, lines_of, numbers
from fbnet.faces.readers.photographs import photographs
from fbnet.faces.readers.records import Record
from fbnet.params import FetchParams, SyntheticParams
from fbnet.tables import READERS
from tests.drawn import write_picture

LAYOUTS = {"nni": (106, 6), "lapa": (106, 9), "ibug": (68, 6), "wflw": (98, 8)}


def run(root: Path, **params: Any) -> Prepared:
    fetch = FetchParams(root=str(root), size=48, margin=10, **params)
    return prepare(fetch, root.parent / "faces")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_becomes_a_face_set(
    drawn: Any, tmp_path: Path, layout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    getattr(drawn, layout)(tmp_path / "data")
    faces = run(tmp_path / "data").faces
    points, count = LAYOUTS[layout]
    assert (len(faces), faces.points, faces.layout) == (count, points, layout)
    assert all(len(faces.indices(split)) for split in ("train", "validation", "test"))
    assert f"layout {layout} (found {faces.source})" in capsys.readouterr().out
    assert faces.images.shape[1] == faces.size + 2 * faces.margin
    assert faces.margin == (0 if layout == "nni" else 10)
    assert str(tmp_path) not in (tmp_path / "faces" / "meta.json").read_text()
    centre = (faces.landmarks.min(axis=1) + faces.landmarks.max(axis=1)) / 2
    assert np.abs(centre - 0.5).max() < (0.2 if layout == "nni" else 0.02)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_points_lie_on_the_drawn_dots(drawn: Any, tmp_path: Path, layout: str) -> None:
    getattr(drawn, layout)(tmp_path / "data")
    faces = prepare(FetchParams(root=str(tmp_path / "data")), tmp_path / "faces").faces
    pixels = faces.landmarks * faces.size + faces.margin - 0.5
    bright, anywhere = [], faces.images.mean()
    for image, places in zip(faces.images, np.rint(pixels).astype(int), strict=True):
        bright += [float(image[y, x].mean()) for x, y in places]
    assert np.mean(bright) > anywhere + 50


def test_the_result_is_the_same_with_any_number_of_workers(drawn: Any, tmp_path: Path) -> None:
    drawn.ibug(tmp_path / "data")
    contents = []
    for workers in (1, 3, 1):
        run(tmp_path / "data", workers=workers)
        contents.append([path.read_bytes() for path in sorted((tmp_path / "faces").iterdir())])
    assert contents[0] == contents[1] == contents[2]


def test_the_split_does_not_depend_on_the_order_of_the_lines(drawn: Any, tmp_path: Path) -> None:
    drawn.nni(tmp_path / "data", names=[f"{number}_x_0" for number in range(12)])
    before = run(tmp_path / "data").faces
    path = tmp_path / "data" / "train_data" / "list.txt"
    path.write_text("\n".join(reversed(path.read_text().splitlines())))
    after = run(tmp_path / "data").faces
    assert before.names == after.names
    np.testing.assert_array_equal(before.split, after.split)
    np.testing.assert_array_equal(before.images, after.images)


def list_csv(root: Path, problems: Problems) -> list[Record]:
    """A layout of the test's own: faces.csv with a picture and 136 numbers a line."""
    records = []
    for origin, line in lines_of(root / "faces.csv", root):
        with problems.tolerate():
            name, *tokens = line.split(",")
            points = numbers(tokens, origin).reshape(68, 2)
            records.append(Record(root / name, name, origin, points, group=name))
    return records


def test_a_layout_can_be_added_from_outside(
    drawn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(READERS, "_entries", dict(READERS._entries))
    READERS.register(
        "csv",
        Reader(
            looks_for="faces.csv",
            detect=lambda root: "faces.csv" if (root / "faces.csv").is_file() else None,
            read=photographs(list_csv),
        ),
    )
    lines = []
    for number in range(5):
        points = drawn.photo_points(68, number)
        write_picture(tmp_path / "data" / f"{number}.png", points)
        lines.append(",".join([f"{number}.png", *map(str, points.ravel())]))
    (tmp_path / "data" / "faces.csv").write_text("\n".join(lines))
    for layout in ("auto", "csv"):
        faces = run(tmp_path / "data", layout=layout).faces
        assert (len(faces), faces.layout, faces.source) == (5, "csv", "faces.csv")


def break_picture(path: Path) -> None:
    path.write_bytes(b"not a picture")


def shrink_picture(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((30, 30, 3), np.uint8))


@pytest.mark.parametrize(
    ("layout", "picture", "harm", "origin", "words"),
    [
        ("ibug", "afw/100123_2.jpg", break_picture, "afw/100123_2.pts:1", "broken"),
        ("ibug", "afw/100123_2.jpg", shrink_picture, "afw/100123_2.pts:1", "far outside"),
        ("nni", "train_data/imgs/1_b_0.png", break_picture, "train_data/list.txt:3", "broken"),
        ("lapa", "val/images/1123456_1.jpg", break_picture, "landmarks/1123456_1.txt:1", "broken"),
        ("wflw", "WFLW_images/0--Parade/train_2.jpg", break_picture, "attr_train.txt:3", "broken"),
    ],
)  # fmt: skip
def test_a_bad_picture_is_named_or_left_out(
    drawn: Any, tmp_path: Path, layout: str, picture: str, harm: Any, origin: str, words: str
) -> None:
    getattr(drawn, layout)(tmp_path / "data")
    harm(tmp_path / "data" / picture)
    with pytest.raises(BadInput, match=f"{origin}: .*{words}"):
        run(tmp_path / "data")
    assert not (tmp_path / "faces").exists()
    prepared = run(tmp_path / "data", on_bad="skip")
    assert len(prepared.faces) == LAYOUTS[layout][1] - 1
    assert picture not in prepared.faces.names
    assert len(prepared.skipped) == 1 and words in prepared.skipped[0]
    listed = (tmp_path / "faces" / "skipped.txt").read_text()
    assert listed == prepared.skipped[0] + "\n" and str(tmp_path) not in listed


def test_a_photograph_in_train_and_test_is_named_or_left_out_of_train(
    drawn: Any, tmp_path: Path
) -> None:
    drawn.wflw(tmp_path / "data")
    lists = tmp_path / "data/WFLW_annotations/list_98pt_rect_attr_train_test"
    line = (lists / "list_98pt_rect_attr_test.txt").read_text().splitlines()[1]
    train = lists / "list_98pt_rect_attr_train.txt"
    train.write_text(train.read_text() + line.replace(" 5 5 90 90 ", " 6 6 90 90 "))
    with pytest.raises(BadInput, match=r"train\.txt:6: the photograph of .*test\.txt:2"):
        run(tmp_path / "data")
    prepared = run(tmp_path / "data", on_bad="skip")
    assert len(prepared.faces) == 8 and len(prepared.skipped) == 1
    assert len(prepared.faces.indices("test")) == 3


@pytest.mark.parametrize(("group", "photographs"), [("auto", 26), ("file", 26)])
def test_names_that_look_like_one_photograph(
    drawn: Any,
    tmp_path: Path,
    group: str,
    photographs: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    drawn.nni(tmp_path / "data", names=[f"img_{number}" for number in range(24)])
    faces = run(tmp_path / "data", group=group).faces
    assert (len(set(faces.groups)), len(faces)) == (photographs, 26)
    warned = "24 pictures are called train_data/img_NUMBER" in capsys.readouterr().out
    assert warned == (group == "auto")


def test_names_can_be_taken_for_one_photograph_all_the_same(drawn: Any, tmp_path: Path) -> None:
    names = [f"img_{number}" for number in range(24)] + ["other"]
    drawn.nni(tmp_path / "data", names=names)
    faces = run(tmp_path / "data", group="name").faces
    assert len(set(faces.groups)) == 4


@pytest.mark.parametrize("limit", [4, 5])
def test_limit_takes_some_of_every_split(drawn: Any, tmp_path: Path, limit: int) -> None:
    drawn.lapa(tmp_path / "data")
    faces = run(tmp_path / "data", limit=limit).faces
    assert len(faces) == limit
    assert all(len(faces.indices(split)) for split in ("train", "validation", "test"))


def test_listed_angles_that_are_far_off_are_not_used(
    drawn: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn.nni(tmp_path / "data", extra=(60, -50, 20))
    faces = run(tmp_path / "data").faces
    assert np.degrees(np.abs(faces.pose)).max() < 15
    assert "degrees off the landmarks'; they are not used" in capsys.readouterr().out


@pytest.mark.parametrize(("angles", "warned"), [((60, -50, 20), True), ((2, 1, -1), False)])
def test_listed_angles_can_be_kept(
    drawn: Any, tmp_path: Path, angles: tuple, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn.nni(tmp_path / "data", extra=angles)
    faces = run(tmp_path / "data", pose="keep").faces
    np.testing.assert_allclose(np.degrees(faces.pose), np.tile(angles, (6, 1)), atol=1e-4)
    assert ("they are kept" in capsys.readouterr().out) == warned


def test_pictures_of_a_cropped_set_are_not_touched(drawn: Any, tmp_path: Path) -> None:
    drawn.nni(tmp_path / "data")
    faces = prepare(FetchParams(root=str(tmp_path / "data")), tmp_path / "faces").faces
    for name, image in zip(faces.names, faces.images, strict=True):
        np.testing.assert_array_equal(image, cv2.imread(str(tmp_path / "data" / name)))


def test_the_crop_scale_sets_the_size_of_the_face(drawn: Any, tmp_path: Path) -> None:
    drawn.ibug(tmp_path / "data")
    extents = {}
    for scale in (1.2, 1.5):
        places = run(tmp_path / "data", crop_scale=scale).faces.landmarks
        extents[scale] = np.ptp(places, axis=1).max(axis=1).mean()
    assert extents[1.2] == pytest.approx(1 / 1.2, abs=0.01)
    assert extents[1.5] == pytest.approx(1 / 1.5, abs=0.01)


def test_statistics_are_plain_numbers(drawn: Any, tmp_path: Path) -> None:
    drawn.ibug(tmp_path / "data")
    numbers = statistics(run(tmp_path / "data").faces)
    assert all(type(value) in (int, float) for value in numbers.values())
    assert numbers["faces"] == 6 == numbers["train"] + numbers["validation"] + numbers["test"]
    assert numbers["groups"] == 4
    assert numbers["points_outside"] == 0
    assert 0.2 < numbers["eye_distance"] < 0.8
    assert abs(numbers["yaw_mean_deg"]) < 15


def test_rendered_faces_keep_people_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The renderer is replaced: this tests what becomes of its faces."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "head.npz").write_bytes(b"")
    asked: list = []

    def render_many(
        head: str, params: Any, indices: range, size: int, margin: int, *others: Any
    ) -> Any:
        asked.append((head, size, margin, *others))
        for index in indices:
            yield synthetic.Face(
                image=np.full((size + 2 * margin,) * 2 + (3,), index, np.uint8),
                landmarks=np.full((106, 2), index / 100, np.float32),
                pose=np.full(3, index / 10, np.float32),
                flags={"hat": index % 3 == 0, "mask": False},
                identity=index // 2,
                visible=np.ones(106, bool),
                openness=np.zeros(3, np.float32),
            )  # fmt: skip

    monkeypatch.setattr(synthetic, "load_head", lambda root: f"head of {root.name}")
    monkeypatch.setattr(synthetic, "render_many", render_many)
    knobs = SyntheticParams(train=10, test=4, pictures_per_person=2)
    faces = run(tmp_path / "data", synthetic=knobs, workers=3).faces
    assert asked == [("head of data", 48, 10, 3, 1.2, [])]
    assert faces.images[:, 5, 5, 1].tolist() == list(range(14))
    assert np.flatnonzero(faces.flags["hat"]).tolist() == [0, 3, 6, 9, 12]
    assert not faces.flags["mask"].any()
    np.testing.assert_allclose(faces.pose[:, 1], np.arange(14) / 10, atol=1e-6)
    assert faces.indices("test").tolist() == [10, 11, 12, 13]
    validation = faces.indices("validation")
    assert len(validation) == 2 and validation[0] // 2 == validation[1] // 2


def test_a_second_run_replaces_the_first(drawn: Any, tmp_path: Path) -> None:
    drawn.ibug(tmp_path / "data")
    assert len(run(tmp_path / "data").faces) == 6
    (tmp_path / "data/afw/100123_1.pts").unlink()
    assert len(run(tmp_path / "data").faces) == 5
    assert len(FaceSet.load(tmp_path / "faces")) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "faces"]
