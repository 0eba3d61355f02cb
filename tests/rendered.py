"""A rendered face, in pictures and in a video that it moves through."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fbnet.faces import synthetic
from fbnet.landmarks import SCHEMES, eye_distance
from fbnet.params import SyntheticParams

DATA = Path(__file__).parents[1] / "data"
SIZE, MARGIN = 112, 24
PLAIN = SyntheticParams(
    seed=5, yaw_max=10, pitch_max=5, roll_max=5, glasses=0, masks=0, hats=0, hands=0, objects=0,
    blur=0, low_resolution=0, grey=0, noise=0,
)  # fmt: skip
CLOSE = 0.15
"""NME below which points lie on the face; the mean face's is about twice as large."""
STEP, FRAMES, HEIGHT, WIDTH = 4, 24, 220, 300
"""Of the moving face: pixels a frame, frames, and the frame's size."""


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


@pytest.fixture
def moving(face, tmp_path):
    """A video of the face moving right by STEP pixels a frame; its landmarks in each frame."""
    placed = [on_canvas(face, (STEP * i, 20 + i)) for i in range(FRAMES)]
    path = tmp_path / "moving.avi"
    write_video(path, [picture for picture, _ in placed])
    return path, [points for _, points in placed]
