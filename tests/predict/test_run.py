"""Pictures, folders and videos with a rendered face, looked at by the pretrained model."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from fbnet.errors import BadInput
from fbnet.faces import synthetic
from fbnet.landmarks import SCHEMES, eye_distance
from fbnet.params import SyntheticParams
from fbnet.predict.crops import boxed, crop, whole
from fbnet.predict.media import sources
from fbnet.predict.model import OnnxModel
from fbnet.predict.run import PRETRAINED, predict
from stages.cli import main

DATA = Path(__file__).parents[2] / "data"
SIZE, MARGIN = 112, 24
PLAIN = SyntheticParams(
    seed=5, yaw_max=10, pitch_max=5, roll_max=5, glasses=0, masks=0, hats=0, hands=0, objects=0,
    blur=0, low_resolution=0, grey=0, noise=0,
)  # fmt: skip
CLOSE = 0.15
"""NME below which points lie on the face; the mean face's is about twice as large."""
STEP, FRAMES, HEIGHT, WIDTH = 4, 24, 220, 300


@pytest.fixture(scope="module")
def face():
    """Picture uint8 [160, 160, 3], and landmarks [106, 2] in its pixels."""
    face = synthetic.render(synthetic.load_head(DATA), PLAIN, 0, SIZE, MARGIN)
    return face.image, face.landmarks * SIZE + MARGIN - 0.5


def box_of(points):
    return [*points.min(axis=0), *np.ptp(points, axis=0)]


def nme(landmarks, true):
    return np.linalg.norm(np.array(landmarks) - true, axis=1).mean() / eye_distance(
        true, SCHEMES[106]
    )


def on_canvas(face, shift):
    """The face on grey, moved by `shift` (x, y), and its landmarks there."""
    image, points = face
    canvas = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    x, y = shift
    canvas[y : y + image.shape[0], x : x + image.shape[1]] = image
    return canvas, points + shift


def write_video(path, frames):
    height, width = frames[0].shape[:2]
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (width, height))
    for frame in frames:
        out.write(frame)
    out.release()


def frames_of(path):
    video = cv2.VideoCapture(str(path))
    there, frame = video.read()
    while there:
        yield frame
        there, frame = video.read()


def test_a_boxed_face_in_a_picture(face, tmp_path):
    picture, points = on_canvas(face, (90, 30))
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    written = predict(PRETRAINED, [tmp_path / "a.png"], tmp_path / "out", box=box_of(points))
    result = json.loads(written.read_text())
    assert (result["points"], result["order"]) == (106, "NNI")
    (entry,) = result["pictures"]
    assert entry["file"] == str(tmp_path / "a.png")
    assert nme(entry["landmarks"], points) < CLOSE
    x, y, side = entry["crop"]
    assert side == pytest.approx(1.2 * max(np.ptp(points, axis=0)), abs=1)
    assert [x + side / 2, y + side / 2] == pytest.approx(
        (points.min(axis=0) + points.max(axis=0)) / 2 + 0.5, abs=1
    )
    drawn = cv2.imread(str(tmp_path / "out/a.png"))
    changed = np.argwhere((drawn != picture).any(axis=2))[:, ::-1]
    assert drawn.shape == picture.shape
    for point in entry["landmarks"]:
        assert np.abs(changed - point).max(axis=1).min() <= 1


def test_a_folder_of_crops_in_batches_equals_one_by_one(face, tmp_path):
    image, points = face
    inner = np.s_[MARGIN : MARGIN + SIZE, MARGIN : MARGIN + SIZE]
    (tmp_path / "in/deep").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "b.png", "deep/c.bmp"):
        cv2.imwrite(str(tmp_path / "in" / name), image[inner])
    (tmp_path / "in/notes.txt").write_text("no picture")
    results = [
        json.loads(predict(PRETRAINED, [tmp_path / "in"], tmp_path / f"{n}", batch=n).read_text())
        for n in (1, 3)
    ]
    names = [Path(entry["file"]).name for entry in results[0]["pictures"]]
    assert names == ["a.png", "b.jpg", "b.png", "c.bmp"]
    assert len(list((tmp_path / "3").rglob("*.png"))) == 4
    first, second = (np.array([e["landmarks"] for e in one["pictures"]]) for one in results)
    np.testing.assert_allclose(first, second, atol=0.02)
    # A picture without a box is a crop already: the net sees its very pixels.
    expected = OnnxModel(PRETRAINED).predict(image[inner][None])[0] * SIZE - 0.5
    np.testing.assert_allclose(first[0], expected, atol=0.02)
    assert nme(first[0] + MARGIN, points) < CLOSE


@pytest.fixture
def moving(face, tmp_path):
    """A video of the face moving right by STEP pixels a frame; its landmarks in each frame."""
    placed = [on_canvas(face, (STEP * i, 20 + i)) for i in range(FRAMES)]
    path = tmp_path / "moving.avi"
    write_video(path, [picture for picture, _ in placed])
    return path, [points for _, points in placed]


def test_a_moving_face_is_followed(moving, tmp_path):
    path, true = moving
    written = predict(PRETRAINED, [path], tmp_path / "out", box=box_of(true[0]))
    (video,) = json.loads(written.read_text())["videos"]
    assert video["fps"] == 10 and len(video["frames"]) == FRAMES
    errors = [nme(f["landmarks"], t) for f, t in zip(video["frames"], true, strict=True)]
    assert max(errors) < CLOSE
    moved = video["frames"][-1]["crop"][0] - video["frames"][0]["crop"][0]
    assert moved == pytest.approx(STEP * (FRAMES - 1), abs=10)
    drawn, plain = (list(frames_of(p)) for p in (tmp_path / "out/moving.mp4", path))
    assert len(drawn) == FRAMES and drawn[0].shape == (HEIGHT, WIDTH, 3)
    different = np.argwhere(np.abs(drawn[-1].astype(int) - plain[-1]).max(axis=2) > 60)
    assert np.abs(different.mean(axis=0)[::-1] - true[-1].mean(axis=0)).max() < 10


def test_a_still_box_stays_and_loses_the_face(moving, tmp_path):
    path, true = moving
    written = predict(
        PRETRAINED, [path], tmp_path / "out", box=box_of(true[0]), still=True, batch=5
    )
    frames = json.loads(written.read_text())["videos"][0]["frames"]
    assert len({tuple(frame["crop"]) for frame in frames}) == 1
    assert nme(frames[0]["landmarks"], true[0]) < CLOSE < nme(frames[-1]["landmarks"], true[-1])


@pytest.mark.parametrize("place", ["box", "whole"])
def test_a_crop_maps_back_to_the_picture(face, place):
    picture, points = on_canvas(face, (77, 41))
    face_crop = crop(picture, boxed(box_of(points), 1.3) if place == "box" else whole(picture), 96)
    x, y = 50, 40  # a pixel of the crop
    at = face_crop.to_picture((np.array([[x, y]]) + 0.5) / 96)[0]
    seen = cv2.getRectSubPix(picture, (1, 1), tuple(map(float, at)))[0, 0].astype(int)
    assert np.abs(seen - face_crop.image[y, x]).max() < 40
    corners = face_crop.to_picture(np.array([[0, 0], [1, 1]]))
    assert np.ptp(corners, axis=0) == pytest.approx([face_crop.side] * 2)


def test_names_are_distinct_and_own_work_is_not_looked_at(tmp_path):
    for name in ("a.jpg", "a.png", "b.mp4", "out/a.png", "x/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files = sources([tmp_path], tmp_path / "out")
    assert [s.name for s in files] == ["0-a", "1-a", "b", "x/b"]
    assert [s.is_video for s in files] == [False, False, True, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.png"], "nowhere.png: no such file or folder"),
        (["notes.txt"], "notes.txt: neither picture nor video"),
        (["empty"], "empty: no picture or video in this folder"),
        (["bad.png"], "bad.png: broken, or no picture"),
        (["bad.avi"], "bad.avi: OpenCV reads no frame"),
        (["bad.png", "--box", "0", "0", "5", "50"], "box of 5 x 50 pixels"),
        (["bad.png", "--model", "no.onnx"], "no.onnx: no such file"),
        (["bad.png", "--batch", "0"], "--batch 0"),
    ],
)
def test_bad_input_is_one_line_that_names_it(tmp_path, monkeypatch, capfd, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    for name in ("notes.txt", "bad.png", "bad.avi"):
        Path(name).write_text("not what its name says")
    assert main(["predict", *arguments]) == 2
    assert message in capfd.readouterr().err.splitlines()[-1]
    assert not list(Path().rglob("*.mp4"))


def test_a_model_of_another_kind_is_bad_input(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"no model")
    (tmp_path / "a.png").touch()
    with pytest.raises(BadInput, match=r"a\.onnx: onnxruntime cannot open the model"):
        predict(tmp_path / "a.onnx", [tmp_path / "a.png"], tmp_path / "out")


def test_nothing_is_written_where_a_later_picture_is_broken(face, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "a.png"), face[0])
    (tmp_path / "b.png").write_text("not what its name says")
    out = tmp_path / "out"
    assert main(["predict", str(tmp_path), "--batch", "1", "--out", str(out)]) == 2
    assert "b.png: broken" in capsys.readouterr().err
    assert not out.exists()


def test_nothing_is_written_where_the_body_of_a_picture_is_broken(face, tmp_path, capsys):
    """Its header is sound, so that only reading all of it tells."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    sound = cv2.imencode(".png", face[0])[1].tobytes()
    (folder / "a.png").write_bytes(sound)
    (folder / "b.png").write_bytes(sound[:200])
    assert cv2.haveImageReader(str(folder / "b.png"))
    assert main(["predict", str(folder), "--out", str(out), "--batch", "1"]) == 2
    assert "b.png: broken" in capsys.readouterr().err
    assert not out.exists()
