"""Landmarks of the face in pictures and videos, written as JSON and drawn on copies of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np

from fbnet.files import atomic_folder, write_json
from fbnet.landmarks import SCHEMES
from fbnet.predict.crops import Crop, Follower, Place, boxed, crop, whole
from fbnet.predict.media import (
    Source,
    VideoOut,
    open_video,
    read_picture,
    require_readable,
    sources,
    write_picture,
)
from fbnet.predict.model import OnnxModel
from fbnet.progress import track

PRETRAINED = Path(__file__).parents[1] / "pretrained" / "subnet.onnx"
"""The model inside the package, trained on rendered faces."""
RESULT = "landmarks.json"
UNIT = "pixels, (x, y); whole numbers are pixel centres"
DIGITS = 2
"""Decimals of a pixel in the JSON."""
SHIFT = 4
"""Binary digits behind the point: dots are drawn to a sixteenth of a pixel."""
COLOUR, EDGE = (185, 47, 255), (255, 255, 255)
DOTS_PER_FACE = 130.0
"""Sides of a face by the radius of a dot."""
T = TypeVar("T")


def predict(
    model: Path,
    paths: Sequence[Path],
    out: Path,
    *,
    box: Sequence[float] | None = None,
    still: bool = False,
    batch: int = 64,
) -> Path:
    """Landmarks of the face in each picture and frame of `paths`: files, or folders of them.

    box: x, y, width, height in pixels around the landmarks; without it a picture is taken as a
    face crop, and a video's face is looked for from the whole first frame on. still: keep the box
    for all frames of a video, instead of following the face. batch: pictures predicted at once.
    Writes landmarks.json, a PNG for each picture and an MP4 for each video into `out`; returns
    the path of the JSON. Raises BadInput that names the file at fault, and then writes nothing.
    """
    files, opened = sources(paths, out), OnnxModel(model)
    start = boxed(box, opened.crop_scale) if box else None
    for source in files:
        require_readable(source)
    pictures = [source for source in files if not source.is_video]
    videos = [source for source in files if source.is_video]
    with atomic_folder(out) as folder:
        job = _Job(opened, start, still, batch, folder)
        entries = track(job.pictures(pictures), "predict", len(pictures), "pictures")
        result = {
            "model": model.name,
            "points": opened.points,
            "order": SCHEMES[opened.points].name,
            "unit": UNIT,
            "pictures": list(entries),
            "videos": [job.video(source) for source in videos],
        }
        write_json(folder / RESULT, result)
    return out / RESULT


def draw(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """A copy of the picture uint8 [H, W, 3] with a dot on each landmark [P, 2] in pixels."""
    drawn = picture.copy()
    radius = max(1.0, float(np.ptp(landmarks, axis=0).max()) / DOTS_PER_FACE)
    for colour, size in ((EDGE, 1.5 * radius), (COLOUR, radius)):
        for x, y in landmarks:
            centre = (round(float(x) * 2**SHIFT), round(float(y) * 2**SHIFT))
            cv2.circle(drawn, centre, round(size * 2**SHIFT), colour, -1, cv2.LINE_AA, SHIFT)
    return drawn


@dataclass(frozen=True)
class _Job:
    """Predicts and draws into the folder `out`; `start`, `still` and `batch` as in `predict`."""

    model: OnnxModel
    start: Place | None
    still: bool
    batch: int
    out: Path

    def pictures(self, files: Sequence[Source]) -> Iterator[dict[str, Any]]:
        """The entry of each picture, in order, predicted in batches; writes each drawn one."""
        for part in _batches(files, self.batch):
            images = [read_picture(source.path) for source in part]
            faces = self._predict(images)
            for source, image, (landmarks, face) in zip(part, images, faces, strict=True):
                write_picture(self.out / f"{source.name}.png", draw(image, landmarks))
                yield {"file": str(source.path)} | _entry(landmarks, face)

    def video(self, source: Source) -> dict[str, Any]:
        """The entry of a video; writes it with its landmarks."""
        entries = []
        with (
            open_video(source.path) as (fps, frames),
            VideoOut(self.out / f"{source.name}.mp4", fps) as video,
        ):
            shown = track(frames, source.path.name, unit="frames")
            for frame, landmarks, face in self._frames(shown):
                video.write(draw(frame, landmarks))
                entries.append(_entry(landmarks, face))
        return {"file": str(source.path), "fps": fps, "frames": entries}

    def _frames(
        self, frames: Iterator[np.ndarray]
    ) -> Iterator[tuple[np.ndarray, np.ndarray, Crop]]:
        """Each frame with its landmarks in pixels and the crop they are from."""
        if self.still:
            for part in _batches(frames, self.batch):
                for frame, face in zip(part, self._predict(part), strict=True):
                    yield frame, *face
        else:
            follower = Follower(self.model, self.start)
            for frame in frames:
                yield frame, *follower(frame)

    def _predict(self, images: Sequence[np.ndarray]) -> list[tuple[np.ndarray, Crop]]:
        """Landmarks in pixels of each picture, and its crop: `start`, or the whole picture."""
        crops = [crop(image, self.start or whole(image), self.model.size) for image in images]
        landmarks = self.model.predict(np.stack([c.image for c in crops]), len(crops))
        return [(c.to_picture(inside), c) for inside, c in zip(landmarks, crops, strict=True)]


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


def _entry(landmarks: np.ndarray, face: Crop) -> dict[str, Any]:
    """What the JSON holds of one face: landmarks, and the crop's square as x, y and side."""
    square = [*(face.corner + 0.5).tolist(), face.side]  # from pixel centres to edges
    return {
        "crop": [round(value, DIGITS) for value in square],
        "landmarks": [[round(float(v), DIGITS) for v in point] for point in landmarks],
    }
