"""The face set: what is stored, what is read back, what is refused."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet, create_images, keep_images
from fbnet.files import new_folder, read_json, write_json
from fbnet.landmarks import SCHEMES


def test_save_and_load_give_the_same_faces(make_faces: Callable, tmp_path: Path) -> None:
    faces = make_faces()
    faces.save(tmp_path / "faces")
    loaded = FaceSet.load(tmp_path / "faces")
    for field in dataclasses.fields(FaceSet):
        np.testing.assert_array_equal(getattr(loaded, field.name), getattr(faces, field.name))


def test_a_face_set_prints_as_one_line(make_faces: Callable) -> None:
    faces = make_faces(count=6)
    line = repr(faces)
    assert line == str(faces) and "\n" not in line and len(line) < 120
    assert line.startswith(f"FaceSet(6 faces of {faces.points} points, ")
    assert f"test {(faces.split == 2).sum()}" in line


def test_flags_are_kept_by_name(make_faces: Callable, tmp_path: Path) -> None:
    flags = {"hat": np.arange(6) > 3, "glasses": np.arange(6) < 1}
    dataclasses.replace(make_faces(count=6), flags=flags).save(tmp_path / "faces")
    loaded = FaceSet.load(tmp_path / "faces").flags
    assert list(loaded) == ["hat", "glasses"]
    for name, values in flags.items():
        np.testing.assert_array_equal(loaded[name], values)


def test_labels_of_rendered_faces_are_files_of_their_own(
    make_faces: Callable, tmp_path: Path
) -> None:
    plain = make_faces(count=6)
    exact = {"visible": plain.landmarks[..., 0] > 0.5, "openness": np.ones((6, 3), np.float32)}
    plain.save(tmp_path / "plain")
    dataclasses.replace(plain, exact=exact).save(tmp_path / "exact")
    loaded = FaceSet.load(tmp_path / "exact").exact
    assert FaceSet.load(tmp_path / "plain").exact == {} and list(loaded) == list(exact)
    for name, values in exact.items():
        np.testing.assert_array_equal(loaded[name], values)
    for path in (tmp_path / "plain").iterdir():  # what was there is the same bytes
        assert path.read_bytes() == (tmp_path / "exact" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("name", "values"),
    [("visible", np.ones((6, 3), bool)), ("openness", np.ones((6, 3)))],
    ids=["shape", "type"],
)
def test_such_labels_of_another_kind_are_refused(
    make_faces: Callable, name: str, values: np.ndarray
) -> None:
    with pytest.raises(BadInput, match=f"faces: {name} is "):
        dataclasses.replace(make_faces(count=6), exact={name: values})


def test_flags_of_another_length_are_refused(make_faces: Callable) -> None:
    with pytest.raises(BadInput, match="flag hat"):
        dataclasses.replace(make_faces(count=6), flags={"hat": np.zeros(5, bool)})


def test_the_images_stay_on_disk(make_faces: Callable, tmp_path: Path) -> None:
    make_faces().save(tmp_path / "faces")
    images = FaceSet.load(tmp_path / "faces").images
    assert isinstance(images.base, np.memmap)
    assert not images.flags.writeable


def test_equal_faces_give_equal_files(make_faces: Callable, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        make_faces().save(tmp_path / folder)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_save_replaces_the_whole_folder(make_faces: Callable, tmp_path: Path) -> None:
    make_faces(count=12).save(tmp_path / "faces")
    (tmp_path / "faces" / "stale.npy").write_bytes(b"old")
    make_faces(count=3).save(tmp_path / "faces")
    assert len(FaceSet.load(tmp_path / "faces")) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces"]
    assert not (tmp_path / "faces" / "stale.npy").exists()


def test_indices_and_scheme(make_faces: Callable) -> None:
    faces = make_faces(count=7, points=98)
    assert faces.indices("train").tolist() == [0, 3, 6]
    assert faces.indices("validation").tolist() == [1, 4]
    assert faces.indices("test").tolist() == [2, 5]
    assert faces.scheme is SCHEMES[98]
    assert (len(faces), faces.points) == (7, 98)


def test_crops_leave_the_margin_out(make_faces: Callable) -> None:
    faces = make_faces(count=4, size=48, margin=12)
    crops = faces.crops([2, 0])
    assert crops.shape == (2, 48, 48, 3) and crops.flags.c_contiguous
    np.testing.assert_array_equal(crops[0], faces.images[2, 12:60, 12:60])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"pose": np.zeros((11, 3), np.float32)}, "pose"),
        ({"landmarks": np.zeros((12, 106, 3), np.float32)}, "landmarks"),
        ({"landmarks": np.zeros((12, 106, 2))}, "float64"),
        ({"split": np.zeros(12, np.int64)}, "split"),
        ({"margin": 0}, "images"),
        ({"groups": ["one"]}, "groups"),
        ({"landmarks": np.zeros((12, 5, 2), np.float32)}, "68, 98, 106"),
    ],
)
def test_contradictions_are_refused(make_faces: Callable, change: dict, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        dataclasses.replace(make_faces(), **change)


@pytest.mark.parametrize("name", ["images.npy", "landmarks.npy", "meta.json"])
def test_a_missing_file_is_named(make_faces: Callable, tmp_path: Path, name: str) -> None:
    make_faces().save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(BadInput, match=name):
        FaceSet.load(tmp_path)


@pytest.mark.parametrize("data", [b"", b"not an array", b"\x93NUMPY\x01\x00"])
def test_a_broken_file_is_named(make_faces: Callable, tmp_path: Path, data: bytes) -> None:
    make_faces().save(tmp_path)
    (tmp_path / "pose.npy").write_bytes(data)
    with pytest.raises(BadInput, match=r"pose\.npy"):
        FaceSet.load(tmp_path)


def test_pickles_are_not_opened(make_faces: Callable, tmp_path: Path) -> None:
    make_faces().save(tmp_path)
    np.save(tmp_path / "pose.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match=r"pose\.npy"):
        FaceSet.load(tmp_path)


def test_fewer_names_than_faces_are_refused(make_faces: Callable, tmp_path: Path) -> None:
    make_faces().save(tmp_path)
    meta = read_json(tmp_path / "meta.json")
    write_json(tmp_path / "meta.json", meta | {"names": meta["names"][:-1]})
    with pytest.raises(BadInput, match="11 faces"):
        FaceSet.load(tmp_path)


def test_an_unknown_key_in_meta_is_refused(make_faces: Callable, tmp_path: Path) -> None:
    make_faces().save(tmp_path)
    write_json(tmp_path / "meta.json", read_json(tmp_path / "meta.json") | {"colour": 1})
    with pytest.raises(BadInput, match="colour"):
        FaceSet.load(tmp_path)


def test_a_failed_write_leaves_the_old_folder(make_faces: Callable, tmp_path: Path) -> None:
    make_faces(count=3).save(tmp_path / "faces")
    with pytest.raises(RuntimeError), new_folder(tmp_path / "faces") as target:
        (target / "half").write_bytes(b"")
        raise RuntimeError
    assert len(FaceSet.load(tmp_path / "faces")) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces"]


def test_a_linked_folder_is_replaced_where_it_lies(make_faces: Callable, tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    (tmp_path / "faces").symlink_to("large")
    for count in (3, 5):
        with new_folder(tmp_path / "faces") as target:
            make_faces(count=count).save(target)
        assert len(FaceSet.load(tmp_path / "large")) == count
    assert (tmp_path / "faces").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "large"]


@pytest.mark.parametrize("name", [".", "..", "/"])
def test_a_folder_without_a_name_of_its_own_is_not_replaced(name: str) -> None:
    with pytest.raises(BadInput, match="name a folder below it"), new_folder(name):
        raise AssertionError


@pytest.mark.parametrize("kept", [[0, 1, 2], [1, 4], [0, 1, 2, 3, 4]])
def test_keep_images_moves_the_rows_together(tmp_path: Path, kept: list[int]) -> None:
    images = create_images(tmp_path, 5, 8)
    images[:] = np.arange(5)[:, None, None, None]
    assert keep_images(tmp_path, images, kept)[:, 3, 3, 1].tolist() == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images.npy"]


def test_no_faces_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="none"):
        create_images(tmp_path, 0, 8)
