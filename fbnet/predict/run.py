"""Landmarks of the faces in pictures and streams, written down and drawn on copies of them."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import process_time

import numpy as np

from fbnet.errors import BadInput, safe_point
from fbnet.files import atomic_folder
from fbnet.predict.boxes import by_source, read_boxes
from fbnet.predict.crops import Place, check_box, whole
from fbnet.predict.draw import draw
from fbnet.predict.interface import OURS, Interface
from fbnet.predict.landmarker import PRETRAINED, Face, Landmarker
from fbnet.predict.output import (
    RESULTS,
    FaceEntry,
    FrameEntry,
    PictureEntry,
    Result,
    VideoEntry,
    is_ours,
    write,
)
from fbnet.predict.pictures import read_picture, write_picture
from fbnet.predict.sources import Source, sources
from fbnet.predict.streams import VideoOut, open_stream, require_readable
from fbnet.predict.track import OneEuro, Tracker
from fbnet.progress import say, track

Boxes = Sequence[Sequence[float]]
STEADY = OneEuro()
"""The filter as it is by default."""


@dataclass(frozen=True)
class Options:
    """How to look for faces, and what to write of them.

    model, interface, crop_scale, detector: as in `Landmarker`. box, boxes, crops: where the faces
    are, in place of the detector: one box (x, y, width, height) in pixels around the landmarks for
    all files, a file of boxes (`read_boxes`), or the picture itself. still: look once, and at
    that place in all frames, instead of following the face. smoothing: of videos; None is raw.
    camera: one to read as well. frames: folders are videos. size: width and height of raw frames
    on the standard input, which the path `-` stands for. fps: instead of what a stream states.
    most_frames: end streams after as many. csv, pts: written as well. drawn: whether to draw.
    """

    model: Path = PRETRAINED
    interface: Interface = OURS
    crop_scale: float | None = None
    detector: str = "mtcnn"
    box: Sequence[float] | None = None
    boxes: Path | None = None
    crops: bool = False
    still: bool = False
    smoothing: OneEuro | None = STEADY
    camera: int | None = None
    frames: bool = False
    size: tuple[int, int] | None = None
    fps: float | None = None
    most_frames: int | None = None
    csv: bool = False
    pts: bool = False
    drawn: bool = True

    def __post_init__(self) -> None:
        """Raise BadInput for what contradicts itself or can be of no picture."""
        given = [self.box is not None, self.boxes is not None, self.crops]
        if sum(given) > 1:
            raise BadInput("--box, --boxes and --crops all say where the faces are; give one")
        if self.still and not any(given):
            raise BadInput("--still keeps a face's place; say where it is: --box, --boxes, --crops")
        if self.box is not None:
            check_box(self.box)
        numbers = {"fps": self.fps, "max-frames": self.most_frames}
        numbers |= dict(zip(("size", "size "), self.size or (), strict=False))
        for name, number in numbers.items():
            if number is not None and not 0 < number < 1e5:
                raise BadInput(f"--{name.strip()} {number:g}: give more than 0, less than 100000")


def predict(paths: Sequence[Path], out: Path, options: Options = Options()) -> Result:
    """Landmarks of the faces in each picture and frame of `paths`: files, or folders of them.

    Writes landmarks.json, a PNG for each picture and an MP4 for each video into `out`. Raises
    BadInput that names the file at fault, and then writes nothing.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out}: is a file; give a folder to write into with --out")
    landmarker = Landmarker(options.model, options.interface, options.crop_scale, options.detector)
    files = sources(paths, out, options.frames, options.camera)
    if not files:
        raise BadInput("nothing to look at: give pictures, videos, folders, - or --camera 0")
    ours = is_ours(out)
    _check_spared(files, out, options, ours)
    boxes = {source: [options.box] for source in files} if options.box is not None else {}
    if options.boxes is not None:
        boxes = by_source(read_boxes(options.boxes), files, options.boxes)
    for source in files:
        safe_point()
        require_readable(source)
    detects = not (options.crops or boxes)
    if detects:
        landmarker.detector  # noqa: B018 - opened before any work, so that its fault comes first
    pictures = [source for source in files if source.is_picture]
    with atomic_folder(out) as folder:
        job = _Job(landmarker, options, boxes, folder)
        shown = track(pictures, "predict", len(pictures), "pictures")
        entries = [job.picture(source) for source in shown]
        videos = [job.stream(source) for source in files if not source.is_picture]
        detector = options.detector if detects else None
        result = Result.of(landmarker, options.model.name, detector, entries, videos)
        write(result, folder, options.csv, options.pts, spared=[] if ours else out.glob("*.pts"))
    return result


def _check_spared(files: Sequence[Source], out: Path, options: Options, ours: bool) -> None:
    """Raise BadInput where something would be overwritten that is no result of this command.

    That is a file that is looked at, a label beside it, and all that `out` holds unless it is
    `ours`: unless the command has written there before.
    """
    pictures = [source.path for source in files if source.path and source.is_picture]
    labels = [path.with_suffix(".pts") for path in pictures if options.pts]
    spared = {source.path.resolve() for source in files if source.path}
    spared |= {label.resolve() for label in labels if label.exists()}
    written = [out / name for name in RESULTS[: 1 + options.csv]]
    for source in files:
        written += [out / f"{source.name}.{'png' if source.is_picture else 'mp4'}"] * options.drawn
        written += [out / f"{source.name}.pts"] * (options.pts and source.is_picture)
    for path in written:
        if path.resolve() in spared or (path.exists() and not ours):
            raise BadInput(f"{path}: would be overwritten; give another folder with --out")


@dataclass(frozen=True)
class _Job:
    """Predicts and draws into the folder `out`. boxes: of each source, if any were given."""

    landmarker: Landmarker
    options: Options
    boxes: dict[Source, list[Sequence[float]]]
    out: Path

    def picture(self, source: Source) -> PictureEntry:
        """The entry of a picture; writes it with its landmarks."""
        assert source.path is not None
        image = read_picture(source.path)
        with _naming(source):
            faces = self._still(source, image)
        if not faces:
            say(f"{source}: no face found")
        if self.options.drawn:
            write_picture(
                self.out / f"{source.name}.png", draw(image, faces, True, self.landmarker.scheme)
            )
        return PictureEntry.of(str(source), source.name, image, faces)

    def stream(self, source: Source) -> VideoEntry:
        """The entry of a video, camera or standard input; writes it with its landmarks."""
        options, entries, seconds, count = self.options, [], 0.0, 0
        with ExitStack() as stack:
            fps, frames = stack.enter_context(open_stream(source, options.size, options.fps))
            name = f"{source.name}.mp4"
            video = stack.enter_context(VideoOut(self.out / name, fps)) if options.drawn else None
            stack.enter_context(_naming(source))
            tracker: Tracker | None = None
            asked = islice(frames, options.most_frames)
            for time, frame in track(asked, str(source), unit="frames"):
                start = process_time()
                if options.still:
                    faces = self._still(source, frame)
                else:
                    tracker = tracker or self._tracker(source, frame)
                    faces = tracker(frame, time)
                seconds, count = seconds + process_time() - start, count + len(faces)
                if video:
                    video.write(draw(frame, faces, scheme=self.landmarker.scheme))
                entry = [FaceEntry.of(face) for face in faces]
                entries.append(FrameEntry(time=round(time, 4), faces=entry))
        if count:
            say(f"{source}: {count / seconds:.0f} faces a CPU second without decoding and drawing")
        else:
            say(f"{source}: no face found")
        height, width = frame.shape[:2]
        return VideoEntry(
            file=str(source), name=source.name, fps=fps, width=width, height=height, frames=entries
        )

    def _still(self, source: Source, image: np.ndarray) -> list[Face]:
        """The faces of one picture, without memory of others."""
        boxes = self.boxes.get(source) if self.boxes else None
        if boxes is not None and self.options.still:
            places = [self.landmarker.place(box, image) for box in boxes]
            return self.landmarker.faces(image, places, passes=1)
        return self.landmarker(image, boxes, self.options.crops)

    def _tracker(self, source: Source, frame: np.ndarray) -> Tracker:
        start: list[Place] | None = None
        if self.options.crops:
            start = [whole(frame)]
        elif self.boxes:
            start = [self.landmarker.place(box, frame) for box in self.boxes[source]]
        return Tracker(self.landmarker, self.options.smoothing, start)


class _naming:
    """Puts the source's name before the message of a BadInput that leaves the block."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Name the source."""
        if isinstance(error, BadInput) and not str(error).startswith(str(self._source)):
            raise BadInput(f"{self._source}: {error}") from None
