import cv2
import numpy as np
import pytest

from fbnet import plots
from fbnet.faces.faceset import FaceSet

DRAWS = np.random.default_rng(0)
FACES = DRAWS.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
POINTS = DRAWS.uniform(0.1, 0.9, (5, 68, 2)).astype(np.float32)
OPS = (("skip", "sep_k3"), ("mb_k3", "gh_k3", "gh_k5"))


def face_set():
    return FaceSet(
        images=FACES, landmarks=POINTS, pose=np.zeros((5, 3), np.float32),
        split=np.array([0, 0, 1, 2, 2], np.uint8), names=list("abcde"), groups=list("abcde"),
        size=24, margin=4, layout="ibug", source="test",
    )  # fmt: skip


def probabilities_of(epochs):
    return [[DRAWS.dirichlet(np.ones(len(ops))).tolist() for ops in OPS] for _ in range(epochs)]


ERRORS = DRAWS.gamma(4, 0.02, 50)
MOVED = probabilities_of(6)
HISTORY = [
    {"epoch": e, "loss": 9.0 / e} | ({"val_nme": 0.3 / e} if e % 2 else {}) for e in range(1, 7)
]
DRAWN = {
    "ced": lambda path: plots.ced({"net": ERRORS, "mean face": 3 * ERRORS}, path),
    "faces": lambda path: plots.faces_with_points(
        FACES, POINTS, path, POINTS + 0.01, list("abcde")
    ),
    "labels": lambda path: plots.faces_with_points(FACES, POINTS, path),
    "heatmap": lambda path: plots.heatmap(
        {"MACs": [{"skip": 0.0, "sep_k3": 2.0}, {"gh_k3": 1.0}]}, path
    ),
    "history": lambda path: plots.history(HISTORY, path),
    "history without validation": lambda path: plots.history(HISTORY[1:2], path),
    "probabilities": lambda path: plots.probabilities(MOVED, OPS, path),
    "probabilities of one epoch": lambda path: plots.probabilities(MOVED[:1], OPS, path),
    "prediction": lambda path: plots.prediction([1.0, 2.0, 3.0], [1.1, 2.0, 2.9], path),
    "prediction of one net": lambda path: plots.prediction([1.0], [1.1], path),
    "preview": lambda path: plots.preview(face_set(), path),
}


@pytest.mark.parametrize("name", DRAWN)
def test_picture_is_the_same_twice_and_not_empty(name, tmp_path):
    first, second = tmp_path / "first.png", tmp_path / "folder" / "second.png"
    for path in (first, second):
        DRAWN[name](path)
    assert first.read_bytes() == second.read_bytes()
    assert b"Software" not in first.read_bytes()
    picture = cv2.imread(str(first))
    assert picture.shape[1] >= 900
    assert picture.std() > 5


def test_points_lie_on_what_they_mark(tmp_path):
    """A white square's centre, in units of the crop, is where the true point is drawn."""
    image = np.zeros((1, 32, 32, 3), np.uint8)
    image[:, 20:24, 8:12] = 255
    centre = np.full((1, 68, 2), (10 / 32, 22 / 32))
    marked, plain = tmp_path / "marked.png", tmp_path / "plain.png"
    plots.faces_with_points(image, centre, marked, columns=1)
    plots.faces_with_points(image, centre + 9, plain, columns=1)
    face, square = cv2.imread(str(marked)), cv2.imread(str(plain))
    dot = np.argwhere((face != square).any(axis=2) & (square > 200).all(axis=2)).mean(axis=0)
    white = np.argwhere((square > 128).all(axis=2))
    inside = white[(np.abs(white - dot) < 150).all(axis=1)].mean(axis=0)
    np.testing.assert_allclose(dot, inside, atol=3)


def test_figures_follow_their_data(tmp_path):
    plots.prediction([1.0, 2.0], [1.0, 2.0], tmp_path / "a.png")
    plots.prediction([1.0, 2.0], [1.0, 2.5], tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
