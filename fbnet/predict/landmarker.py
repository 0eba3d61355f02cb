"""Landmarks of the faces in a picture or video, from Python: `from fbnet import Landmarker`."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from fbnet.errors import BadInput
from fbnet.landmarks import SCHEMES, Scheme
from fbnet.outputs import LANDMARKS, radius_90
from fbnet.predict.crops import Place, boxed, can_be_face, crop, whole
from fbnet.predict.detect import Detector, distinct, iou
from fbnet.predict.interface import OURS, Interface
from fbnet.predict.model import OnnxModel
from fbnet.predict.pictures import read_picture
from fbnet.predict.streams import FPS
from fbnet.tables import DETECTORS

PRETRAINED = Path(__file__).parents[1] / "pretrained" / "subnet.onnx"
"""The model inside the package, trained on rendered faces."""
SHIPPED = {106: PRETRAINED, 68: PRETRAINED.with_name("subnet_68.onnx")}
"""The models inside the package by their number of points; see the README beside them."""
WITH_HEADS = PRETRAINED.with_name("subnet_heads.onnx")
"""`PRETRAINED` with heads: the same landmarks, and pose, confidence, visibility and openness."""
PASSES = 2
"""Predictions of a face that is no crop already, each on the crop that the landmarks before it lead
to: a box a fifth too large or a tenth beside the face costs little then (`benchmarks.boxes`)."""
SAME = 0.5
"""IoU of the landmarks' boxes from which on two faces are one."""
SHARES = (1.4, 1.0, 0.7, 0.5, 0.35)
"""Sides that are tried for points of a scheme of one's own, by that of a whole face's square."""


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture.

    landmarks: [P, 2] in pixels, whole numbers being pixel centres. crop: (x, y, side) of the
    square that the net saw, in pixels from the picture's edge. score: the detector's, 0..1; None
    where the face's place was given. number: the person's, from 1 on; in videos only.

    Of a model with heads, None otherwise. pose: pitch, yaw, roll in degrees. confidence [P]: 0..1.
    visibility [P]: probability that nothing hides the point. openness: gap by width of the
    picture's left eye, right eye and the mouth. See `fbnet.outputs`.
    """

    landmarks: np.ndarray
    crop: tuple[float, float, float]
    score: float | None = None
    number: int | None = None
    pose: np.ndarray | None = None
    confidence: np.ndarray | None = None
    visibility: np.ndarray | None = None
    openness: np.ndarray | None = None

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The box (x, y, width, height) around the landmarks, in pixels from the edge."""
        low, high = self.landmarks.min(axis=0) + 0.5, self.landmarks.max(axis=0) + 0.5
        return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])

    @property
    def radius(self) -> np.ndarray | None:
        """Radius [P] in pixels within which each point lies with 90 %; None without confidence."""
        return None if self.confidence is None else radius_90(self.confidence) * self.crop[2]


class Landmarker:
    """Finds faces and their landmarks.

        landmarker = Landmarker()
        for face in landmarker("photo.jpg"):
            print(face.box, face.landmarks)

    scheme: the order of the landmarks. crop_scale: side of crops by that of the landmarks' box.
    """

    def __init__(
        self,
        model: str | Path | bytes = PRETRAINED,
        interface: Interface = OURS,
        crop_scale: float | None = None,
        detector: str = "mtcnn",
        threads: int = 1,
    ) -> None:
        """Open an ONNX file. The detector, a name of `DETECTORS`, is opened when it is needed.

        interface, crop_scale: what a model of another origin takes; one of this project states
        it. Raises BadInput for a file that is no landmark model and for an unknown detector.
        """
        self._model = OnnxModel(model, interface, threads=threads)
        self._detector_name = DETECTORS.check(detector)
        if crop_scale is not None and not 0.1 <= crop_scale <= 10:
            raise BadInput(f"crop scale {crop_scale:g}: give 0.1 to 10, such as 1.2")
        if threads < 1:
            raise BadInput(f"{threads} threads: give 1 or more")
        self.crop_scale = crop_scale or self._model.crop_scale
        self.scheme: Scheme = self._model.scheme

    def __call__(
        self,
        picture: str | Path | np.ndarray,
        boxes: Sequence[Sequence[float]] | None = None,
        crops: bool = False,
    ) -> list[Face]:
        """The faces in a picture: a file, or an array uint8 BGR [H, W, 3] or grey [H, W].

        boxes: where the faces are, (x, y, width, height) in pixels around the landmarks, instead
        of looking for them. crops: the picture is one face's crop. Raises BadInput for a broken
        file, an array of another kind, and boxes outside the picture.
        """
        image = as_picture(picture)
        if crops:
            return self.faces(image, [whole(image)], passes=1)
        if boxes is not None:
            return self.faces(image, [self.place(box, image) for box in boxes])
        squares, scores = self.detect(image)
        return self.faces(image, [self.square(square) for square in squares], scores.tolist())

    def track(
        self, frames: Iterable[np.ndarray], fps: float = FPS, raw: bool = False
    ) -> Iterator[list[Face]]:
        """The faces in each frame of a video, pictures as a call takes; people keep their `number`.

        fps: frames a second. raw: without the One-Euro filter. See `fbnet.predict.track`. Raises
        BadInput for a rate that is none, and for frames as a call does.
        """
        from fbnet.predict.track import OneEuro, Tracker

        if not 0 < fps < math.inf:
            raise BadInput(f"fps {fps:g}: give the frames a second, such as 25")
        tracker = Tracker(self, smoothing=None if raw else OneEuro())
        return (tracker(as_picture(frame), index / fps) for index, frame in enumerate(frames))

    @cached_property
    def detector(self) -> Detector:
        """The detector, opened. Raises BadInput where its package is not installed."""
        return DETECTORS[self._detector_name]()

    def detect(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squares (x, y, side, side) [n, 4] around the landmarks of faces, and scores [n]."""
        boxes, scores = self.detector(picture)
        squares = self.detector.fit.squares(boxes.reshape(-1, 4))
        if self.scheme not in SCHEMES.values():
            squares = np.array([self._part(picture, square) for square in squares])
        return squares.reshape(-1, 4), scores

    def _part(self, picture: np.ndarray, square: np.ndarray) -> np.ndarray:
        """The square around the landmarks of a face whose whole fills `square` (x, y, side, side).

        Points of one's own may fill a third of a face. Of crops of several sizes, the net knows
        its own: their landmarks lead back to the same crop.
        """
        corner, sides = square[:2], square[2:]
        tried = [(*(corner + sides * (1 - share) / 2), *(sides * share)) for share in SHARES]
        faces = self.predict(picture, [self.square(np.array(part)) for part in tried])
        before: list[Face] = []
        for _ in range(PASSES):
            before = [face for face in faces if can_be_face(face.landmarks, picture)]
            faces = self.predict(picture, [Place(f.landmarks, self.crop_scale) for f in before])
        if not faces:
            return square
        crops = [[np.array((*f.crop, f.crop[2])) for f in found] for found in (before, faces)]
        stays = [iou(crop, again[None])[0] for crop, again in zip(*crops, strict=True)]
        x, y, side = faces[int(np.argmax(stays))].crop
        inner = side / self.crop_scale
        return np.array([x + (side - inner) / 2, y + (side - inner) / 2, inner, inner])

    def place(self, box: Sequence[float], picture: np.ndarray) -> Place:
        """The face in a box (x, y, width, height) that somebody gave; see `crops.boxed`."""
        return boxed(box, self.crop_scale, picture)

    def square(self, square: np.ndarray) -> Place:
        """The face in a detector's square (x, y, side, side)."""
        return Place(np.stack([square[:2], square[:2] + square[2:]]) - 0.5, self.crop_scale)

    def faces(
        self,
        picture: np.ndarray,
        places: Sequence[Place],
        scores: Sequence[float | None] | None = None,
        passes: int = PASSES,
    ) -> list[Face]:
        """The faces at places of a picture; of those that come to lie on one another, the first.

        passes: predictions a face, each on the crop that the landmarks before it lead to.
        """
        given = scores if scores is not None else [None] * len(places)
        faces = []
        for place, score in zip(places, given, strict=True):
            for _ in range(passes):
                face = self.predict(picture, [place])[0]
                if not can_be_face(face.landmarks, picture):
                    break
                place = Place(face.landmarks, self.crop_scale)
            faces.append(replace(face, score=score))
        if len(faces) < 2 or scores is None:
            return faces
        boxes = np.array([face.box for face in faces])
        boxes[:, 2:] += boxes[:, :2]
        kept = distinct(boxes, -np.arange(len(faces)), SAME)
        return [faces[index] for index in kept]

    def predict(self, picture: np.ndarray, places: Sequence[Place]) -> list[Face]:
        """The face at each place, in one call of the net."""
        if not places:
            return []
        crops = [crop(picture, place, self._model.size) for place in places]
        given = self._model.outputs(np.stack([c.image for c in crops]))
        landmarks = given.pop(LANDMARKS)
        return [
            Face(
                c.to_picture(landmarks[row]),
                (*(c.corner + 0.5).tolist(), c.side),
                **{name: values[row] for name, values in given.items()},
            )
            for row, c in enumerate(crops)
        ]


def as_picture(picture: str | Path | np.ndarray) -> np.ndarray:
    """A picture uint8 BGR [H, W, 3] of a file or array. Raises BadInput for anything else."""
    if isinstance(picture, str | Path):
        return read_picture(Path(picture))
    if not isinstance(picture, np.ndarray):
        raise BadInput(f"a picture of type {type(picture).__name__}: give a file or a numpy array")
    if picture.dtype == np.uint8 and picture.ndim == 2 and picture.size:
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise BadInput(
            f"picture of {picture.dtype} {list(picture.shape)}: give uint8 [H, W, 3], BGR"
        )
    return picture
