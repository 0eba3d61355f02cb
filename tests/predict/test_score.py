import json
from dataclasses import replace

import cv2
import numpy as np
import onnx
import pytest
from torch import nn

from fbnet import metrics
from fbnet.errors import BadInput
from fbnet.export.onnx import export_onnx
from fbnet.faces.prepare import prepare
from fbnet.landmarks import NNI_TO_IBUG68, SCHEMES
from fbnet.params import FetchParams, SchemeParams
from fbnet.predict.interface import Interface, describe
from fbnet.predict.model import OnnxModel
from fbnet.predict.score import score, score_folder
from tests.drawn import photo_points, words, write_picture, write_text

HEADLINES = {
    "nme", "nme_box", "nme_jitter", "fr_08", "fr_10", "auc_08", "auc_10", "mean_face_nme",
}  # fmt: skip


class Oracle:
    """Answers with given landmarks instead of looking."""

    size, points = 32, 68

    def __init__(self, answers):
        self.answers = answers

    def predict(self, images, batch=64):
        return self.answers[: len(images)]


def test_score_of_a_file(exported, faces):
    result = score(OnnxModel(exported), faces)
    assert set(result.figures) == HEADLINES
    test = faces.indices("test")
    np.testing.assert_array_equal(result.indices, test)
    expected = OnnxModel(exported).predict(faces.crops(test))
    np.testing.assert_array_equal(result.predicted, expected)
    errors = metrics.nme(expected, faces.landmarks[test], faces.scheme)
    assert result.figures["nme"] == pytest.approx(errors.mean())
    assert result.details()["faces"] == 12
    assert set(result.details()["nme_region"]) == set(faces.scheme.regions)


def test_batch_does_not_matter_and_jitter_does(exported, faces):
    model = OnnxModel(exported)
    first, small, still = (
        score(model, faces, batch=64),
        score(model, faces, batch=5),
        score(model, faces, jitter=0.0),
    )
    for name in HEADLINES:
        assert first.figures[name] == pytest.approx(small.figures[name], rel=1e-5)
    assert still.figures["nme_jitter"] == pytest.approx(still.figures["nme"], rel=1e-5)
    assert first.figures["nme_jitter"] != pytest.approx(first.figures["nme"], rel=1e-5)


def test_the_mean_face_comes_from_train(faces):
    train = faces.landmarks[faces.indices("train")]
    guess = np.repeat(train.mean(axis=0)[None], 12, axis=0)
    result = score(Oracle(guess), faces)
    assert result.figures["nme"] == pytest.approx(result.figures["mean_face_nme"], rel=1e-5)
    np.testing.assert_allclose(result.errors, result.mean_face_errors, rtol=1e-5)


def test_a_perfect_model(faces):
    figures = score(Oracle(faces.landmarks[faces.indices("test")]), faces).figures
    assert (figures["nme"], figures["fr_08"], figures["auc_10"]) == (0, 0, 1)
    assert figures["mean_face_nme"] > 0


def test_refusals(exported, faces):
    no_test = replace(faces, split=np.zeros_like(faces.split))
    with pytest.raises(BadInput, match="no test faces"):
        score(OnnxModel(exported), no_test)
    other = replace(faces, size=20, margin=12)
    with pytest.raises(BadInput, match="20 px with 68 points, the model takes 32 px"):
        score(OnnxModel(exported), other)


@pytest.fixture(scope="module")
def file(exported, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "net.onnx"
    path.write_bytes(exported)
    return path


def test_stored_faces_are_scored_as_they_are(file, faces, tmp_path):
    faces.save(tmp_path / "faces")
    figures, expected = score_folder(file, tmp_path / "faces"), score(OnnxModel(file), faces)
    assert figures.items() >= expected.figures.items()
    assert figures["nme_region.eyes"] == expected.regions["eyes"]
    assert figures["faces"] == 12
    with pytest.raises(BadInput, match="a crop scale is for pictures"):
        score_folder(file, tmp_path / "faces", crop_scale=1.2)


def test_what_is_declared_reaches_the_model(file, faces, tmp_path):
    faces.save(tmp_path / "faces")
    plain = score_folder(file, tmp_path / "faces")["nme"]
    for declared in ({"channels": "RGB"}, {"scale": "0..255"}, {"arrangement": "x_then_y"}):
        assert score_folder(file, tmp_path / "faces", Interface(**declared))["nme"] != plain


def write_faces(folder, count, seed=3):
    draws = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        cv2.imwrite(str(folder / f"{i}.png"), draws.integers(0, 256, (90, 90, 3), np.uint8))
        points = "\n".join(f"{x} {y}" for x, y in draws.uniform(20, 70, (68, 2)))
        (folder / f"{i}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{points}\n}}\n")


def test_all_faces_of_a_folder_without_a_test_part_are_scored(file, tmp_path, capsys):
    write_faces(tmp_path / "one", 1)
    assert score_folder(file, tmp_path / "one")["faces"] == 1
    (tmp_path / "one/meta.json").write_text('{"classes": []}')  # as Supervisely has
    assert score_folder(file, tmp_path / "one")["faces"] == 1
    write_faces(tmp_path / "set/train", 4)
    write_faces(tmp_path / "set/test", 2, seed=4)
    capsys.readouterr()
    assert score_folder(file, tmp_path / "set")["faces"] == 2
    assert "its test part is scored, 2 of 6 faces (--all: all)" in capsys.readouterr().out
    assert score_folder(file, tmp_path / "set", everything=True)["faces"] == 6


def test_points_of_another_order_are_not_compared(faces, tmp_path):
    net = nn.Sequential(nn.Conv2d(3, 136, 32), nn.Flatten(1), nn.Unflatten(1, (68, 2))).eval()
    stated = describe(size=32, scheme=SCHEMES[68], crop_scale=faces.crop_scale, choice=())
    path = tmp_path / "known.onnx"
    path.write_bytes(export_onnx(net, 32, 68, stated))
    faces.save(tmp_path / "faces")
    assert score_folder(path, tmp_path / "faces")["nme"] > 0
    order = replace(SCHEMES[68], name="theirs", mirror=tuple(range(68)))
    replace(faces, own_scheme=order).save(tmp_path / "theirs")
    with pytest.raises(BadInput, match=r"points have the order theirs, those of .*onnx 300W; give"):
        score_folder(path, tmp_path / "theirs")


def test_pictures_are_cropped_first(file, tmp_path, capsys):
    write_faces(tmp_path, 10)
    figures = score_folder(file, tmp_path)
    assert figures["faces"] == 10
    assert "names no test part, so all 10 faces are scored" in capsys.readouterr().out
    assert figures["nme"] > 0
    assert score_folder(file, tmp_path, crop_scale=1.6)["nme"] != figures["nme"]
    with pytest.raises(BadInput, match=r"crop_scale 0\.5: input should be greater"):
        score_folder(file, tmp_path, crop_scale=0.5)


def test_a_106_point_model_meets_68_point_faces(faces, tmp_path):
    faces.save(tmp_path / "faces")

    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 212, 32)

        def forward(self, x):
            return self.conv(x).reshape(-1, 106, 2)

    (tmp_path / "wide.onnx").write_bytes(export_onnx(Wide(), 32, 106, {}))
    answers = OnnxModel(tmp_path / "wide.onnx").predict(faces.crops(faces.indices("test")))
    expected = metrics.nme(
        answers[:, NNI_TO_IBUG68], faces.landmarks[faces.indices("test")], faces.scheme
    )
    figures = score_folder(tmp_path / "wide.onnx", tmp_path / "faces")
    assert figures["nme"] == pytest.approx(expected.mean())


class Five(nn.Module):
    """A net of five points."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 10, 32)

    def forward(self, x):
        return self.conv(x).reshape(-1, 5, 2)


def test_the_crop_is_that_which_the_file_states(file, faces, tmp_path):
    write_faces(tmp_path / "set", 10)
    stated = describe(size=32, scheme=SCHEMES[68], crop_scale=1.6, choice=["x"])
    model = onnx.load(file)
    onnx.helper.set_model_props(model, stated)
    wide = tmp_path / "wide.onnx"
    onnx.save(model, wide)
    expected = score_folder(file, tmp_path / "set", crop_scale=1.6)
    assert score_folder(wide, tmp_path / "set") == expected
    assert score_folder(wide, tmp_path / "set", crop_scale=1.2)["nme"] != expected["nme"]
    faces.save(tmp_path / "faces")
    with pytest.raises(BadInput, match=r"faces: its crops are of scale 1\.2, .* trained on 1\.6"):
        score_folder(wide, tmp_path / "faces")


def test_a_point_that_no_face_shows_counts_nowhere(file, tmp_path, recwarn):
    write_faces(tmp_path, 10)
    for path in tmp_path.glob("*.pts"):
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines[:3], "nan nan", *lines[4:]]))
    figures = score_folder(file, tmp_path)
    assert figures["nme"] > 0 and figures["mean_face_nme"] > 0 and not recwarn.list


def test_a_model_of_points_of_one_s_own(tmp_path):
    path = tmp_path / "five.onnx"
    path.write_bytes(export_onnx(Five(), 32, 5, {}))
    places = photo_points(68, 0)[[36, 45, 33, 48, 54]]
    for number in range(4):
        write_picture(tmp_path / f"data/{number}x.png", places + number)
        rows = "\n".join(words(row) for row in places + number + 1)
        write_text(tmp_path / f"data/{number}x.pts", f"version: 1\nn_points: 5\n{{\n{rows}\n}}\n")
    scheme = {"points": 5, "eyes": [0, 1], "mirror": [1, 0, 2, 4, 3]}
    for text in (json.dumps(scheme), str(tmp_path / "scheme.json")):
        (tmp_path / "scheme.json").write_text(json.dumps(scheme))
        on_pictures = score_folder(path, tmp_path / "data", Interface(scheme=text))
        assert on_pictures["faces"] == 4 and on_pictures["nme"] > 0
    params = FetchParams(root=str(tmp_path / "data"), size=32, scheme=SchemeParams(**scheme))
    prepare(params, tmp_path / "faces")
    on_stored = score_folder(path, tmp_path / "faces", everything=True)
    assert on_stored["nme"] == pytest.approx(on_pictures["nme"])
    with pytest.raises(BadInput, match=r"five\.onnx: gives .*describe others with --scheme"):
        score_folder(path, tmp_path / "data")
    for wrong, reason in (("{", "scheme: not valid JSON"), ('{"points": 5}', "eyes is missing")):
        with pytest.raises(BadInput, match=reason):
            OnnxModel(path, Interface(scheme=wrong))
