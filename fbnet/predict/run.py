"""Predicts on pictures and videos, and writes what was found as PNG, MP4 and JSON."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from fbnet.files import atomic_folder, write_json
from fbnet.landmarks import SCHEMES
from fbnet.predict.crops import Crop, Place, boxed, crop, crop_scale, whole
from fbnet.predict.draw import draw
from fbnet.predict.follow import Follower
from fbnet.predict.media import (
    Source,
    VideoOut,
    read_picture,
    reading,
    require_readable,
    sources,
    write_picture,
)
from fbnet.predict.runtime import OnnxModel
from fbnet.progress import track

PRETRAINED = Path(__file__).parents[1] / "pretrained" / "subnet.onnx"
"""The model inside the package, trained on rendered faces."""
RESULT = "landmarks.json"
UNIT = "pixels, (x, y); whole numbers are pixel centres"
DIGITS = 2
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
    for all frames of a video, instead of following the face.
    Writes landmarks.json, a PNG for each picture and an MP4 for each video into `out`; returns
    the path of the JSON. Raises BadInput that names the file at fault, and then writes nothing.
    """
    found, opened = sources(paths, out), OnnxModel(model)
    start = boxed(box, crop_scale(opened)) if box else None
    for source in found:
        require_readable(source)
    with atomic_folder(out) as made:
        result = _result(opened, found, start, still, batch, made)
        write_json(made / RESULT, {"model": model.name} | result)
    return out / RESULT


def _result(
    model: OnnxModel,
    found: Sequence[Source],
    start: Place | None,
    still: bool,
    batch: int,
    out: Path,
) -> dict[str, Any]:
    """What landmarks.json holds, but for the model's name; draws into `out`."""
    pictures = [source for source in found if not source.is_video]
    videos = [source for source in found if source.is_video]
    drawn = track(_all(model, pictures, start, batch, out), "predict", len(pictures), "pictures")
    return {
        "points": model.points,
        "order": SCHEMES[model.points].name if model.points in SCHEMES else "of the model",
        "unit": UNIT,
        "pictures": list(drawn),
        "videos": [_video(model, source, start, still, batch, out) for source in videos],
    }


def _all(
    model: OnnxModel, pictures: Sequence[Source], start: Place | None, batch: int, out: Path
) -> Iterator[dict[str, Any]]:
    for part in _batches(pictures, batch):
        yield from _pictures(model, part, start, out)


def _pictures(
    model: OnnxModel, sources: Sequence[Source], start: Place | None, out: Path
) -> list[dict[str, Any]]:
    """Entries of some pictures, predicted at once, in order; writes each drawn one."""
    images = [read_picture(source.path) for source in sources]
    entries = []
    for source, image, (landmarks, cut) in zip(
        sources, images, _at_once(model, images, start), strict=True
    ):
        write_picture(out / f"{source.name}.png", draw(image, landmarks))
        entries.append({"file": str(source.path)} | _entry(landmarks, cut))
    return entries


def _at_once(
    model: OnnxModel, images: Sequence[np.ndarray], start: Place | None
) -> list[tuple[np.ndarray, Crop]]:
    """Landmarks in pixels of each picture, and its crop; without `start` the whole picture."""
    crops = [crop(image, start or whole(image), model.size) for image in images]
    predicted = model.predict(np.stack([c.image for c in crops]), len(crops))
    return [(c.to_picture(inside), c) for inside, c in zip(predicted, crops, strict=True)]


def _video(
    model: OnnxModel, source: Source, start: Place | None, still: bool, batch: int, out: Path
) -> dict[str, Any]:
    """The entry of a video; writes it with its points."""
    frames_found = []
    with (
        reading(source.path) as (fps, frames),
        VideoOut(out / f"{source.name}.mp4", fps) as video,
    ):
        seen = track(frames, source.path.name, unit="frames")
        if still:
            looked = _still(model, seen, start, batch)
        else:
            follower = Follower(model, start)
            looked = ((frame, *follower(frame)) for frame in seen)
        for frame, landmarks, cut in looked:
            video.write(draw(frame, landmarks))
            frames_found.append(_entry(landmarks, cut))
    return {"file": str(source.path), "fps": fps, "frames": frames_found}


def _still(
    model: OnnxModel, frames: Iterator[np.ndarray], start: Place | None, batch: int
) -> Iterator[tuple[np.ndarray, np.ndarray, Crop]]:
    for part in _batches(frames, batch):
        for frame, found in zip(part, _at_once(model, part, start), strict=True):
            yield frame, *found


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


def _entry(landmarks: np.ndarray, cut: Crop) -> dict[str, Any]:
    """What the JSON holds of one face: landmarks, and the square that was looked at."""
    square = [*(cut.corner + 0.5).tolist(), cut.side]  # from pixel centres to edges
    return {
        "crop": [round(value, DIGITS) for value in square],
        "landmarks": [[round(float(v), DIGITS) for v in point] for point in landmarks],
    }
