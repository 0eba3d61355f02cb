"""What `fbnet predict` writes: JSON with a stated schema, CSV, and `.pts` files.

`Result` is the schema: `Result.model_json_schema()` gives it as JSON Schema, and
`Result.model_validate_json(text)` reads a file back.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict

import fbnet
from fbnet.files import write_csv, write_json, write_text
from fbnet.predict.landmarker import Face, Landmarker
from fbnet.predict.sources import free_name

DIGITS = 2
"""Decimals of a pixel."""
UNIT = "pixels, (x, y); whole numbers are pixel centres"
Numbers = tuple[float, float, float, float]
Kind = TypeVar("Kind", bound=BaseModel)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Pose(_Entry):
    """Turn of the head in degrees; see `fbnet.outputs`."""

    pitch: float
    yaw: float
    roll: float


class Openness(_Entry):
    """Gap by width; left and right are the picture's."""

    left_eye: float
    right_eye: float
    mouth: float


class FaceEntry(_Entry):
    """A face.

    id: the person's number in a video. score: the detector's, 0..1; null where the place was
    given. box: x, y, width, height around the landmarks, and crop: x, y, side of what the net saw;
    pixels from the picture's edge. landmarks: (x, y) in pixels, whole numbers are pixel centres.

    Null unless the model has the head: pose; by point confidence 0..1, radius in pixels within
    which it lies with 90 %, and visibility, the probability that nothing hides it; openness.
    """

    id: int | None = None
    score: float | None
    box: Numbers
    crop: tuple[float, float, float]
    landmarks: list[tuple[float, float]]
    pose: Pose | None = None
    confidence: list[float] | None = None
    radius: list[float] | None = None
    visibility: list[float] | None = None
    openness: Openness | None = None

    @classmethod
    def of(cls, face: Face) -> "FaceEntry":
        """The entry of a face, rounded."""
        return cls(
            id=face.number,
            score=None if face.score is None else round(float(face.score), 4),
            box=_rounded(face.box),
            crop=_rounded(face.crop),
            landmarks=[_rounded(point) for point in face.landmarks.tolist()],
            pose=_named(Pose, face.pose),
            confidence=_shares(face.confidence),
            radius=None if face.radius is None else list(_rounded(face.radius)),
            visibility=_shares(face.visibility),
            openness=_named(Openness, face.openness),
        )


class PictureEntry(_Entry):
    """A picture: its size in pixels, and its faces, the surest first. name: of files written."""

    file: str
    name: str
    width: int
    height: int
    faces: list[FaceEntry]

    @classmethod
    def of(cls, file: str, name: str, image: np.ndarray, faces: Sequence[Face]) -> "PictureEntry":
        """The entry of a picture [H, W, 3] and its faces."""
        height, width = image.shape[:2]
        entries = [FaceEntry.of(face) for face in faces]
        return cls(file=file, name=name, width=width, height=height, faces=entries)


class FrameEntry(_Entry):
    """A frame: its time in seconds from the first one, and the faces in it by number."""

    time: float
    faces: list[FaceEntry]


class VideoEntry(_Entry):
    """A video, camera or standard input: frames per second, size in pixels, and the frames."""

    file: str
    name: str
    fps: float
    width: int
    height: int
    frames: list[FrameEntry]


class Result(_Entry):
    """All of `landmarks.json`.

    version: rises when a key changes its meaning or goes; new keys leave it. fbnet: that of the
    package. nothing_found: the files in which there is no face.
    """

    version: Literal[2] = 2
    fbnet: str
    model: str
    points: int
    order: str
    unit: str = UNIT
    detector: str | None
    pictures: list[PictureEntry]
    videos: list[VideoEntry]
    nothing_found: list[str]

    @classmethod
    def of(
        cls,
        landmarker: Landmarker,
        model: str,
        detector: str | None,
        pictures: list[PictureEntry],
        videos: Sequence[VideoEntry] = (),
    ) -> "Result":
        """What a landmarker of the ONNX file `model` gave; detector: None where none looked."""
        empty = [entry.file for entry in pictures if not entry.faces]
        empty += [v.file for v in videos if not any(frame.faces for frame in v.frames)]
        return cls(
            fbnet=fbnet.__version__,
            model=model,
            points=landmarker.scheme.points,
            order=landmarker.scheme.name,
            detector=detector,
            pictures=pictures,
            videos=list(videos),
            nothing_found=empty,
        )

    @property
    def faces(self) -> int:
        """How many faces there are in all pictures and frames."""
        return sum(len(faces) for _, _, faces in _groups(self))


RESULTS = ("landmarks.json", "landmarks.csv")
"""Names of what is written beside pictures, videos and `.pts` files; the second on request."""
HEAD = 4096
"""Bytes of landmarks.json in which it says whose it is."""


def is_ours(folder: Path) -> bool:
    """Whether a folder holds results of an earlier prediction, and so nothing that is spared."""
    with suppress(OSError), open(folder / RESULTS[0], "rb") as stream:
        return b'"fbnet"' in stream.read(HEAD)
    return False


def write(
    result: Result,
    folder: Path,
    csv: bool = False,
    pts: bool = False,
    spared: Iterable[Path] = (),
) -> None:
    """Write landmarks.json, and on request landmarks.csv and a .pts for each face of pictures.

    The first face's .pts is named as its picture; the others' have a number behind that, the face's
    or, where another file has that name, the next one that is free; those of `spared` are not.
    """
    write_json(folder / "landmarks.json", result.model_dump(mode="json", exclude_none=False))
    if csv:
        write_csv(folder / "landmarks.csv", _rows(result))
    if pts:
        taken = {picture.name.casefold() for picture in result.pictures}
        taken |= {path.stem.casefold() for path in spared}
        for picture in result.pictures:
            for number, face in enumerate(picture.faces, start=1):
                name = picture.name
                if number > 1:
                    name = free_name((f"{picture.name}-{n}" for n in count(number)), taken)
                write_text(folder / f"{name}.pts", _pts(face))


def _groups(result: Result) -> Iterator[tuple[str, int | None, list[FaceEntry]]]:
    """The faces of each picture and frame, with the file and the frame's number from 0 on."""
    for picture in result.pictures:
        yield picture.file, None, picture.faces
    for video in result.videos:
        for index, frame in enumerate(video.frames):
            yield video.file, index, frame.faces


def _rows(result: Result) -> Iterator[dict[str, Any]]:
    """A row for each face; one without landmarks where nothing was found."""
    for file, frame, faces in _groups(result):
        place = {"file": file, "frame": "" if frame is None else frame}
        for number, face in enumerate(faces, start=1):
            row = place | {"face": face.id or number, "score": face.score}
            row |= zip(("x", "y", "w", "h"), face.box, strict=True)
            for point, (x, y) in enumerate(face.landmarks):
                row |= {f"x{point}": x, f"y{point}": y}
            yield row
        if not faces:
            yield place


def _pts(face: FaceEntry) -> str:
    """A face in the form of 300W: coordinates from 1 on."""
    points = "".join(f"{x + 1:.2f} {y + 1:.2f}\n" for x, y in face.landmarks)
    return f"version: 1\nn_points: {len(face.landmarks)}\n{{\n{points}}}\n"


def _named(entry: type[Kind], values: np.ndarray | None) -> Kind | None:
    """Values as the fields of an entry, in their order."""
    if values is None:
        return None
    return entry(**dict(zip(entry.model_fields, _rounded(values), strict=True)))


def _shares(values: np.ndarray | None) -> list[float] | None:
    """Numbers of 0..1 with three decimals."""
    return None if values is None else [round(float(value), 3) for value in values]


def _rounded(values: Any) -> Any:
    return tuple(round(float(value), DIGITS) for value in values)
