"""Detectors: what they find, the map to crops, and one from outside."""

import cv2
import numpy as np
import pytest

from fbnet import Landmarker
from fbnet.errors import BadInput
from fbnet.predict.detect import BoxFit, distinct, iou, package_folder
from fbnet.tables import DETECTORS
from tests.rendered import box_of, face, nme, on_canvas

__all__ = ["face"]


def test_the_map_from_boxes_to_landmarks_is_fitted_in_the_median():
    draws = np.random.default_rng(0)
    boxes = draws.uniform(20, 200, (101, 4))
    roots = np.sqrt(boxes[:, 2] * boxes[:, 3])
    centres = boxes[:, :2] + boxes[:, 2:] / 2 + roots[:, None] * (0.05, 0.15)
    offsets = np.array([(-0.5, -0.4), (0.5, 0.4), (0, 0)])
    landmarks = centres[:, None] + 0.9 * roots[:, None, None] * offsets - 0.5
    landmarks[:20] += draws.uniform(-500, 500, (20, 1, 2))  # others' faces
    fit = BoxFit.of(boxes, landmarks)
    assert (fit.size, fit.right, fit.down) == pytest.approx((0.9, 0.05, 0.15), abs=0.02)
    squares = BoxFit(0.9, 0.05, 0.15).squares(boxes)
    assert squares[:, 2] == pytest.approx(0.9 * roots) and (squares[:, 2] == squares[:, 3]).all()
    np.testing.assert_allclose(squares[:, :2] + squares[:, 2:] / 2, centres)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("scale", [1, 9])
def test_a_face_is_found_at_its_place_in_small_and_large_pictures(face, name, scale):
    picture, points = on_canvas(face, (70, 30))
    try:
        landmarker = Landmarker(detector=name)
        landmarker.detector  # noqa: B018
    except BadInput:
        pytest.skip("the package with its weights is not installed")
    large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    points = (points + 0.5) * scale - 0.5
    squares, scores = landmarker.detect(large)
    assert len(squares) == len(scores) == 1 and 0.6 < scores[0] <= 1
    assert iou(np.array(box_of(points)), squares)[0] > 0.6
    assert nme(landmarker(large)[0].landmarks, points) < 0.1


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (300, 5), (64, 64)])
def test_nothing_is_found_where_nothing_is(shape):
    squares, scores = Landmarker().detect(np.full((*shape, 3), 90, np.uint8))
    assert squares.shape == (0, 4) and scores.shape == (0,)


def test_boxes_that_overlap_a_better_one_go():
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [2, 2, 5, 5], [20, 0, 30, 10]], float)
    scores = np.array([0.7, 0.9, 0.8, 0.6])
    assert distinct(boxes, scores, 0.5).tolist() == [1, 2, 3]
    assert distinct(boxes, scores, 0.5, by_smaller=True).tolist() == [1, 3]


def test_a_missing_package_is_named():
    with pytest.raises(BadInput, match="pip install some-faces, or say where the faces are"):
        package_folder("no_such_detector", "some-faces")


class Everywhere:
    """A detector that takes the left half of any picture for a face."""

    fit = BoxFit(1.0, 0.0, 0.0)

    def __call__(self, picture):
        height, width = picture.shape[:2]
        return np.array([[0, 0, width / 2, height]]), np.array([0.75])


def test_a_detector_from_outside(monkeypatch):
    monkeypatch.setattr(DETECTORS, "_entries", dict(DETECTORS._entries))
    DETECTORS.register("everywhere", Everywhere)
    (face,) = Landmarker(detector="everywhere")(np.full((80, 160, 3), 90, np.uint8))
    assert face.score == 0.75
