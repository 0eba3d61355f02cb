"""Pictures, folders and videos with a rendered face, looked at by the pretrained model."""

import io
import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from fbnet import errors
from fbnet.errors import BadInput
from fbnet.faces import synthetic
from fbnet.files import read_csv
from fbnet.landmarks import SCHEMES, eye_distance
from fbnet.predict import run
from fbnet.predict.crops import boxed, crop, whole
from fbnet.predict.landmarker import SHIPPED
from fbnet.predict.model import OnnxModel
from fbnet.predict.output import Result
from fbnet.predict.run import PRETRAINED, Options, predict
from stages.cli import main
from tests.rendered import (
    CLOSE,
    DATA,
    FRAMES,
    HEIGHT,
    MARGIN,
    PLAIN,
    SIZE,
    STEP,
    WIDTH,
    box_of,
    face,
    frames_of,
    moving,
    nme,
    on_canvas,
)
from tests.waiting import started, until

pytestmark = pytest.mark.usefixtures("stop_signals")

__all__ = ["face", "moving"]

ROOT = Path(__file__).parents[2]
TURN_RIGHT = b"\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08" + struct.pack(
    ">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0
)
"""EXIF data of a JPEG that is to be turned by a quarter to the right."""


def looked_at(paths, out, **options):
    """What the JSON holds, read back by its schema."""
    result = predict(paths, out, Options(**options))
    read = Result.model_validate_json((out / "landmarks.json").read_text())
    assert read == result
    return read


def test_faces_are_found_in_a_picture(face, tmp_path):
    one, other = on_canvas(face, (90, 30)), on_canvas(face, (40, 50))
    picture = np.concatenate([one[0], other[0]], axis=1)
    true = [one[1], other[1] + (WIDTH, 0)]
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    result = looked_at([tmp_path / "a.png"], tmp_path / "out")
    assert (result.version, result.model, result.detector) == (2, "subnet.onnx", "mtcnn")
    assert (result.points, result.order, result.nothing_found) == (106, "NNI", [])
    (entry,) = result.pictures
    assert (entry.width, entry.height) == (2 * WIDTH, HEIGHT)
    faces = sorted(entry.faces, key=lambda face: face.box[0])
    assert len(faces) == 2
    for found, points in zip(faces, true, strict=True):
        assert nme(found.landmarks, points) < CLOSE and found.score > 0.9
        x, y, width, height = found.box
        low, high = np.min(found.landmarks, axis=0), np.max(found.landmarks, axis=0)
        assert [x, y, x + width, y + height] == pytest.approx(
            [*(low + 0.5), *(high + 0.5)], abs=0.1
        )


def test_a_boxed_face_in_a_picture(face, tmp_path):
    picture, points = on_canvas(face, (90, 30))
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    result = looked_at([tmp_path / "a.png"], tmp_path / "out", box=box_of(points))
    (entry,) = result.pictures
    assert entry.file == str(tmp_path / "a.png") and result.detector is None
    (found,) = entry.faces
    assert found.score is None and nme(found.landmarks, points) < CLOSE
    once = looked_at([tmp_path / "a.png"], tmp_path / "once", box=box_of(points), still=True)
    # The second look is cut around what the first one saw.
    first = once.pictures[0].faces[0]
    for entry, places in ((first, points), (found, np.array(first.landmarks))):
        x, y, side = entry.crop
        assert side == pytest.approx(1.2 * max(np.ptp(places, axis=0)), abs=1)
        assert [x + side / 2, y + side / 2] == pytest.approx(
            (places.min(axis=0) + places.max(axis=0)) / 2 + 0.5, abs=1
        )
    # A small face is drawn larger; every point is where the JSON says.
    drawn = cv2.imread(str(tmp_path / "out/a.png"))
    factor = drawn.shape[0] // picture.shape[0]
    assert factor > 1 and drawn.shape[:2] == (HEIGHT * factor, WIDTH * factor)
    plain = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    changed = np.argwhere((drawn != plain).any(axis=2))[:, ::-1]
    for point in found.landmarks:
        at = (np.array(point) + 0.5) * factor - 0.5
        assert np.abs(changed - at).max(axis=1).min() <= 1


@pytest.mark.parametrize("points", SHIPPED)
def test_each_shipped_model_finds_its_points(points, tmp_path, monkeypatch):
    params = PLAIN.model_copy(update={"points": points})
    face = synthetic.render(synthetic.load_head(DATA), params, 0, SIZE, MARGIN)
    cv2.imwrite(str(tmp_path / "a.png"), face.image[MARGIN:-MARGIN, MARGIN:-MARGIN])
    monkeypatch.chdir(tmp_path)
    assert main(["predict", "a.png", "--crops", "--points", str(points)]) == 0
    result = Result.model_validate_json(Path("predictions/landmarks.json").read_text())
    (found,) = result.pictures[0].faces
    true = face.landmarks * SIZE - 0.5
    error = np.linalg.norm(np.array(found.landmarks) - true, axis=1).mean()
    assert error / eye_distance(true, SCHEMES[points]) < CLOSE


def test_the_shipped_model_with_heads_has_the_same_landmarks(face, tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "a.png"), on_canvas(face, (90, 30))[0])
    monkeypatch.chdir(tmp_path)
    box = [str(round(value, 1)) for value in box_of(on_canvas(face, (90, 30))[1])]
    found = []
    for options in ([], ["--heads"]):
        assert main(["predict", "a.png", "--box", *box, *options]) == 0
        result = Result.model_validate_json(Path("predictions/landmarks.json").read_text())
        found.append(result.pictures[0].faces[0])
    plain, headed = found
    assert headed.landmarks == plain.landmarks
    assert plain.pose is plain.confidence is plain.visibility is plain.openness is None
    assert len(headed.confidence) == len(headed.visibility) == len(headed.landmarks) == 106
    assert all(abs(angle) < 90 for _, angle in headed.pose) and headed.openness is not None


@pytest.mark.parametrize("name", ["boxes.csv", "boxes.json"])
def test_a_file_of_boxes(face, tmp_path, name):
    (tmp_path / "in").mkdir()
    for picture in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / "in" / picture), on_canvas(face, (90, 30))[0])
    box = [round(value, 1) for value in box_of(on_canvas(face, (90, 30))[1])]
    rows = [dict(zip("xywh", box, strict=True)) | {"picture": "a.png"}] * 2
    text = "picture,x,y,w,h\n" + f"a.png,{','.join(map(str, box))}\n" * 2
    (tmp_path / name).write_text(json.dumps(rows) if name.endswith("json") else text)
    result = looked_at([tmp_path / "in"], tmp_path / "out", boxes=tmp_path / name)
    assert [len(entry.faces) for entry in result.pictures] == [2, 0]
    assert result.nothing_found == [str(tmp_path / "in/b.png")]


def test_crops_are_seen_as_they_are(face, tmp_path):
    image, points = face
    inner = np.s_[MARGIN : MARGIN + SIZE, MARGIN : MARGIN + SIZE]
    (tmp_path / "in/deep").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "b.png", "deep/c.bmp"):
        cv2.imwrite(str(tmp_path / "in" / name), image[inner])
    (tmp_path / "in/notes.txt").write_text("no picture")
    result = looked_at([tmp_path / "in"], tmp_path / "out", crops=True, csv=True, pts=True)
    names = [Path(entry.file).name for entry in result.pictures]
    assert names == ["a.png", "b.jpg", "b.png", "c.bmp"]
    assert len(list((tmp_path / "out").rglob("*.png"))) == 4
    landmarks = np.array(result.pictures[0].faces[0].landmarks)
    expected = OnnxModel(PRETRAINED).predict(image[inner][None])[0] * SIZE - 0.5
    np.testing.assert_allclose(landmarks, expected, atol=0.02)
    assert nme(landmarks + MARGIN, points) < CLOSE
    # The .pts counts from 1, and the CSV has a row a face.
    lines = (tmp_path / "out/a.pts").read_text().splitlines()
    assert lines[:3] == ["version: 1", "n_points: 106", "{"] and lines[-1] == "}"
    read = np.array([line.split() for line in lines[3:-1]], float)
    np.testing.assert_allclose(read - 1, landmarks, atol=0.011)
    table = read_csv(tmp_path / "out/landmarks.csv")
    assert len(table) == 4 and float(table[0]["x105"]) == pytest.approx(landmarks[105, 0])


def test_nothing_found_is_said_listed_and_exit_code_3(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("grey.png", np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    assert main(["predict", "grey.png"]) == 3
    assert "grey.png: no face found" in capsys.readouterr().out
    result = Result.model_validate_json(Path("predictions/landmarks.json").read_text())
    assert result.nothing_found == ["grey.png"] and result.faces == 0


@pytest.mark.parametrize("boxed", [True, False])
def test_a_moving_face_is_followed(moving, tmp_path, boxed):
    path, true = moving
    options = {"box": box_of(true[0])} if boxed else {}
    (video,) = looked_at([path], tmp_path / "out", **options).videos
    assert video.fps == 10 and len(video.frames) == FRAMES
    assert [frame.time for frame in video.frames] == pytest.approx(np.arange(FRAMES) / 10)
    faces = [frame.faces[0] for frame in video.frames]
    assert {face.id for face in faces} == {1} and all(len(f.faces) == 1 for f in video.frames)
    errors = [nme(f.landmarks, t) for f, t in zip(faces, true, strict=True)]
    assert max(errors) < CLOSE
    moved = faces[-1].crop[0] - faces[0].crop[0]
    assert moved == pytest.approx(STEP * (FRAMES - 1), abs=10)
    drawn, plain = (list(frames_of(p)) for p in (tmp_path / "out/moving.mp4", path))
    assert len(drawn) == FRAMES and drawn[0].shape == (HEIGHT, WIDTH, 3)
    different = np.argwhere(np.abs(drawn[-1].astype(int) - plain[-1]).max(axis=2) > 60)
    assert np.abs(different.mean(axis=0)[::-1] - true[-1].mean(axis=0)).max() < 12


def test_a_still_box_stays_and_loses_the_face(moving, tmp_path):
    path, true = moving
    result = looked_at([path], tmp_path / "out", box=box_of(true[0]), still=True, drawn=False)
    faces = [frame.faces[0] for frame in result.videos[0].frames]
    assert len({face.crop for face in faces}) == 1
    assert nme(faces[0].landmarks, true[0]) < CLOSE < nme(faces[-1].landmarks, true[-1])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["landmarks.json"]


@pytest.mark.parametrize(("kept", "said"), [(0.5, True), (0.97, False)])
def test_a_video_that_was_cut_off_is_named_and_used(moving, tmp_path, capsys, kept, said):
    path, true = moving
    cut, data = tmp_path / "cut.avi", path.read_bytes()
    cut.write_bytes(data[: int(len(data) * kept)])
    box = [str(value) for value in box_of(true[0])]
    assert main(["predict", str(cut), "--box", *box, "--out", str(tmp_path / "out")]) == 0
    result = Result.model_validate_json((tmp_path / "out/landmarks.json").read_text())
    frames = len(result.videos[0].frames)
    assert len(list(frames_of(tmp_path / "out/cut.mp4"))) == frames
    line = f"{cut}: ends after {frames} of the {FRAMES} frames it states; is it cut off?\n"
    assert capsys.readouterr().out.count(line) == said
    assert said == (frames < 0.9 * FRAMES)


def test_frames_in_a_folder_and_on_the_standard_input_are_videos(moving, tmp_path, monkeypatch):
    path, _ = moving
    frames = list(frames_of(path))[:4]
    (tmp_path / "clip").mkdir()
    for index, frame in enumerate(frames):
        cv2.imwrite(str(tmp_path / f"clip/{index}.png"), frame)
    raw = b"".join(frame.tobytes() for frame in frames) + b"cut"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
    paths = [tmp_path / "clip", Path("-")]
    result = looked_at(paths, tmp_path / "out", frames=True, fps=10, size=(WIDTH, HEIGHT))
    folder, stream = result.videos
    assert (folder.name, stream.name, stream.file) == ("clip", "stdin", "standard input")
    assert len(folder.frames) == 4 and folder.frames == stream.frames


def test_no_more_frames_are_waited_for_than_asked(moving, tmp_path, monkeypatch):
    path, _ = moving
    frame = next(frames_of(path))

    class Slow(io.BytesIO):
        def read(self, size=-1):
            assert self.tell() < 2 * frame.nbytes
            return super().read(size)

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Slow(frame.tobytes() * 2)))
    size = (WIDTH, HEIGHT)
    result = looked_at([Path("-")], tmp_path / "out", size=size, most_frames=2)
    assert len(result.videos[0].frames) == 2


def test_frames_come_in_the_order_of_their_numbers(face, tmp_path):
    (tmp_path / "clip").mkdir()
    for number in (1, 2, 9, 10, 11):
        picture = on_canvas(face, (60 + 4 * number, 30))[0]
        cv2.imwrite(str(tmp_path / f"clip/f{number}.png"), picture)
    (video,) = looked_at([tmp_path / "clip"], tmp_path / "out", frames=True, smoothing=None).videos
    places = [frame.faces[0].landmarks[0][0] for frame in video.frames]
    assert len(places) == 5 and places == sorted(places)


@pytest.mark.parametrize("turned", [False, True])
def test_frames_of_a_folder_are_compared_upright(face, tmp_path, turned):
    image = on_canvas(face, (90, 30))[0]
    (tmp_path / "clip").mkdir()
    cv2.imwrite(str(tmp_path / "clip/0.jpg"), image)
    stored = image if turned else cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE)
    second = tmp_path / "clip/1.jpg"
    cv2.imwrite(str(second), stored)
    data = second.read_bytes()
    second.write_bytes(data[:2] + TURN_RIGHT + data[2:])
    options = {"frames": True, "box": box_of(on_canvas(face, (90, 30))[1])}
    if turned:
        with pytest.raises(BadInput, match=r"1\.jpg: not of the size of the first frame, 0\.jpg"):
            looked_at([tmp_path / "clip"], tmp_path / "out", **options)
        assert not (tmp_path / "out").exists()
    else:
        (video,) = looked_at([tmp_path / "clip"], tmp_path / "out", **options).videos
        assert (video.width, video.height, len(video.frames)) == (WIDTH, HEIGHT, 2)
        assert len(list(frames_of(tmp_path / "out/clip.mp4"))) == 2


def test_a_name_as_long_as_names_may_be(face, tmp_path):
    name = "面" * 83 + ".png"  # 253 bytes of 255
    cv2.imencode(".png", face[0])[1].tofile(tmp_path / name)
    looked_at([tmp_path / name], tmp_path / "out", crops=True, pts=True)
    assert {path.stem for path in (tmp_path / "out").glob("面*")} == {name.removesuffix(".png")}


def test_own_work_is_known_however_the_folder_is_named(face, tmp_path, monkeypatch):
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures/a.jpg"), face[0])
    monkeypatch.chdir(tmp_path / "pictures")
    (tmp_path / "link").symlink_to(tmp_path / "pictures")
    for folder in (tmp_path / "pictures", Path(), tmp_path / "link"):
        result = looked_at([folder], Path("predictions"), crops=True)
        assert [Path(entry.file).name for entry in result.pictures] == ["a.jpg"]


def test_labels_beside_a_picture_are_not_overwritten(face, tmp_path):
    cv2.imwrite(str(tmp_path / "a.jpg"), face[0])
    (tmp_path / "a.pts").write_text("labelled by hand")
    with pytest.raises(BadInput, match=r"a\.pts: would be overwritten; .*--out"):
        predict([tmp_path / "a.jpg"], tmp_path, Options(crops=True, pts=True))
    assert (tmp_path / "a.pts").read_text() == "labelled by hand"
    looked_at([tmp_path / "a.jpg"], tmp_path / "out", crops=True, pts=True)
    assert looked_at([tmp_path / "a.jpg"], tmp_path / "out", crops=True, pts=True).faces == 1


def test_what_others_left_in_the_folder_is_not_overwritten(face, tmp_path):
    one, other = on_canvas(face, (90, 30))[0], on_canvas(face, (40, 50))[0]
    cv2.imwrite(str(tmp_path / "a.jpg"), np.concatenate([one, other], axis=1))
    (tmp_path / "a-2.pts").write_text("labelled by hand")
    for name in ("a.png", "landmarks.json"):
        (tmp_path / name).write_text("{}")
        with pytest.raises(BadInput, match=rf"{name}: .*--out"):
            predict([tmp_path / "a.jpg"], tmp_path, Options(pts=True))
        (tmp_path / name).unlink()
    assert predict([tmp_path / "a.jpg"], tmp_path, Options(pts=True)).faces == 2
    assert (tmp_path / "a-2.pts").read_text() == "labelled by hand"
    assert (tmp_path / "a-3.pts").exists()
    assert predict([tmp_path / "a.jpg"], tmp_path, Options()).faces == 2
    with pytest.raises(BadInput, match="lies inside of --out"):
        predict([tmp_path], tmp_path, Options())


@pytest.mark.parametrize("name", ["9.41 AM.png", "写真　夏/a.png", "a‎b.png"])
def test_letters_and_spaces_that_are_not_printed(face, tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    cv2.imencode(".png", face[0])[1].tofile(tmp_path / name)
    for given in (tmp_path / name, tmp_path):
        result = looked_at([given], tmp_path / "out", crops=True)
        assert len(result.pictures) == 1 and result.faces == 1


@pytest.mark.parametrize("name", ["SET\\É.PNG", "e\u0301.png ", "set/é.png"])
def test_boxes_name_their_pictures_as_other_systems_do(face, tmp_path, name):
    picture, points = on_canvas(face, (70, 30))
    (tmp_path / "set").mkdir()
    cv2.imwrite(str(tmp_path / "set/é.png"), picture)
    box = ",".join(map(str, box_of(points)))
    (tmp_path / "boxes.csv").write_text(f"Picture, X, Y, W, H\n{name},{box}\n")
    result = looked_at([tmp_path / "set"], tmp_path / "out", boxes=tmp_path / "boxes.csv")
    assert len(result.pictures[0].faces) == 1


def test_boxes_name_their_pictures_by_any_path(face, tmp_path, monkeypatch):
    picture, points = on_canvas(face, (90, 30))
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    box = ",".join(map(str, box_of(points)))
    for name in (tmp_path / "a.png", "../a.png"):
        Path("boxes.csv").write_text(f"picture,x,y,w,h\n{name},{box}\n")
        result = looked_at([Path("../a.png")], tmp_path / "out", boxes=Path("boxes.csv"))
        assert len(result.pictures[0].faces) == 1


@pytest.mark.parametrize("place", ["box", "whole"])
def test_a_crop_maps_back_to_the_picture(face, place):
    picture, points = on_canvas(face, (77, 41))
    face_crop = crop(
        picture, boxed(box_of(points), 1.3, picture) if place == "box" else whole(picture), 96
    )
    x, y = 50, 40  # a pixel of the crop
    at = face_crop.to_picture((np.array([[x, y]]) + 0.5) / 96)[0]
    seen = cv2.getRectSubPix(picture, (1, 1), tuple(map(float, at)))[0, 0].astype(int)
    assert np.abs(seen - face_crop.image[y, x]).max() < 40
    corners = face_crop.to_picture(np.array([[0, 0], [1, 1]]))
    assert np.ptp(corners, axis=0) == pytest.approx([face_crop.side] * 2)


def test_each_face_has_a_pts_of_its_own(face, tmp_path):
    """The second face of a.jpg does not take the name of a-2.jpg's first one."""
    (tmp_path / "in").mkdir()
    rows, number = ["picture,x,y,w,h"], 0
    for name, faces in (("a.jpg", 3), ("a-2.jpg", 2), ("a-4.jpg", 1)):
        cv2.imwrite(str(tmp_path / "in" / name), on_canvas(face, (90, 30))[0])
        for _ in range(faces):
            number += 1
            rows.append(f"{name},{90 + number},50,100,110")
    (tmp_path / "boxes.csv").write_text("\n".join(rows))
    options = {"boxes": tmp_path / "boxes.csv", "pts": True, "still": True}
    result = looked_at([tmp_path / "in"], tmp_path / "out", **options)
    assert [entry.name for entry in result.pictures] == ["a-2", "a-4", "a"]
    names = [["a-2", "a-2-2"], ["a-4"], ["a", "a-3", "a-5"]]
    written = {path.stem for path in (tmp_path / "out").glob("*.pts")}
    assert written == {name for files in names for name in files}
    for entry, files in zip(result.pictures, names, strict=True):
        for found, name in zip(entry.faces, files, strict=True):
            x, y = (tmp_path / f"out/{name}.pts").read_text().splitlines()[3].split()
            assert [float(x) - 1, float(y) - 1] == pytest.approx(found.landmarks[0], abs=0.011)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to look at"),
        (["nowhere.png"], "nowhere.png: no such file or folder"),
        (["notes.txt"], "notes.txt: neither picture nor video"),
        (["empty"], "empty: no picture or video in this folder"),
        (["empty", "--frames"], "empty: no picture in this folder"),
        (["bad.png"], "bad.png: broken, or no picture"),
        (["zero.jpg"], "zero.jpg: broken, or no picture"),
        (["huge.png"], "huge.png: 30000 x 30000 pixels; at most 150 million"),
        (["cut.jpg"], "cut.jpg: broken, or no picture"),
        (["bad.avi"], "bad.avi: OpenCV reads no frame"),
        (["zero.mp4"], "zero.mp4: OpenCV reads no frame"),
        (["good.png", b"\xff.png"], "\\xff.png: the name is not UTF-8"),
        (["good.png", "--box", "0", "0", "5", "50"], "box of 5 x 50 pixels"),
        (["good.png", "--box", "nan", "0", "50", "50"], "four finite numbers"),
        (["good.png", "--box", "0", "0", "inf", "50"], "four finite numbers"),
        (["good.png", "--box", "0", "0", "1e300", "50"], "lies outside the picture of 160 x 160"),
        (["good.png", "--box", "10000", "2", "30", "30"], "good.png: box 10000 2 30 30 lies out"),
        (["good.png", "--box", "1", "2", "30", "30", "--crops"], "all say where the faces are"),
        (["good.png", "--boxes", "boxes.csv"], "boxes.csv: picture 'other.png' is none of them"),
        (["good.png", "--boxes", "bad.png"], "bad.png: box 1 has no picture"),
        (["good.png", "--still"], "--still keeps a face's place"),
        (["good.png", "--model", "no.onnx"], "no.onnx: no such file"),
        (["good.png", "--model", "notes.txt", "--scale", "0..1", "--mean", "1"], "same thing"),
        (["good.png", "--crop-scale", "nan"], "crop scale nan"),
        (["good.png", "--detector", "eyes"], "unknown face detector 'eyes'"),
        (["good.png", "--out", "notes.txt"], "notes.txt: is a file"),
        (["good.png", "--out", "."], "good.png: would be overwritten"),
        (["-"], "--size"),
        (["-", "--size", "-3", "4"], "--size -3"),
        (["good.png", "--fps", "nan"], "--fps nan"),
        (["good.png", "--beta", "nan"], "beta nan"),
        (["--camera", "77"], "camera 77: OpenCV reads no frame"),
    ],
)
def test_bad_input_is_one_line_that_names_it(
    face, tmp_path, monkeypatch, capfd, arguments, message
):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    for name in ("notes.txt", "bad.png", "bad.avi"):
        Path(name).write_text("not what\nits name says")
    for name in ("zero.jpg", "zero.mp4", os.fsdecode(b"\xff.png")):
        Path(name).touch()
    good = cv2.imencode(".png", face[0])[1].tobytes()
    Path("good.png").write_bytes(good)
    Path("huge.png").write_bytes(good[:16] + struct.pack(">II", 30000, 30000) + good[24:])
    Path("cut.jpg").write_bytes(cv2.imencode(".jpg", face[0])[1].tobytes()[:2000])
    Path("boxes.csv").write_text("picture,x,y,w,h\nother.png,1,2,30,30\n")
    before = sorted(Path().rglob("*"))
    assert main(["predict", *map(os.fsdecode, arguments)]) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and message in error
    assert sorted(Path().rglob("*")) == before


def test_a_model_of_another_kind_is_bad_input(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"no model")
    (tmp_path / "a.png").touch()
    with pytest.raises(BadInput, match=r"a\.onnx: onnxruntime cannot open the model"):
        predict([tmp_path / "a.png"], tmp_path / "out", Options(model=tmp_path / "a.onnx"))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".ppm", ".tiff", ".webp"])
def test_a_cut_off_picture_is_one_line_whatever_decoders_print(face, tmp_path, capfd, suffix):
    """libpng, libtiff and OpenCV print words of their own, from C."""
    path = tmp_path / f"cut{suffix}"
    data = cv2.imencode(suffix, face[0])[1].tobytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    assert main(["predict", str(path), "--out", str(tmp_path / "out")]) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and f"cut{suffix}: broken, or no picture" in error


@pytest.mark.parametrize("kept", [30, 200])
def test_nothing_is_written_where_a_later_picture_is_broken(face, tmp_path, capsys, kept):
    """The header of the longer piece is sound, so that only decoding it tells."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    sound = cv2.imencode(".png", face[0])[1].tobytes()
    (folder / "a.png").write_bytes(sound)
    (folder / "b.png").write_bytes(sound[:kept])
    assert main(["predict", str(folder), "--out", str(out)]) == 2
    assert "b.png: broken" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("signum", errors.STOPPING)
def test_a_stop_among_pictures_leaves_nothing(face, tmp_path, monkeypatch, capsys, signum):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        cv2.imwrite(str(tmp_path / "in" / name), face[0])
    written = []

    def write_and_stop(path, picture):
        written.append(path)
        path.write_bytes(b"")
        os.kill(os.getpid(), signum)

    monkeypatch.setattr(run, "write_picture", write_and_stop)
    arguments = [str(tmp_path / "in"), "--crops", "--out", str(tmp_path / "out")]
    assert main(["predict", *arguments]) == 1
    assert len(written) == 1 and not (tmp_path / "out").exists()
    assert capsys.readouterr().err == "fbnet: stopped\n"


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_frames_are_waited_for_leaves_nothing(face, tmp_path, signum):
    picture = on_canvas(face, (90, 30))[0]
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("kept")
    command = [sys.executable, "-m", "stages.cli", "predict", "-", "--out", str(tmp_path / "out")]
    command += ["--size", str(WIDTH), str(HEIGHT), "--crops"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with started(command, cwd=ROOT, **pipes) as process:
        process.stdin.write(picture.tobytes() + picture.tobytes()[:1000])
        process.stdin.flush()
        assert until(lambda: [*(tmp_path / "out").glob(".*/.*-stdin.mp4")], seconds=60)
        process.send_signal(signum)
        assert process.wait(15) == 1
        assert process.stderr.read() == b"fbnet: stopped\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
