"""From a data set's folder, or a head to render, to a face set on disk."""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from fbnet.errors import BadInput
from fbnet.faces import crop, pose, readers, split
from fbnet.faces.faceset import FaceSet, create_images, new_folder, trim_images
from fbnet.faces.readers import Problems, Record
from fbnet.landmarks import SCHEMES
from fbnet.params import FetchParams
from fbnet.progress import say, track

GROSS_DEG = 20.0
"""Median difference of two poses from which on one of them must be wrong."""
SKIPPED = "skipped.txt"
"""File beside the arrays that lists what was left out, one message a line."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Sample:
    """One face on its way into the set; fields as in FaceSet, for one face.

    given: its split where the source names it. listed: its pose where a label file gives one.
    All samples of a set have the same flags.
    """

    image: np.ndarray
    landmarks: np.ndarray
    pose: np.ndarray
    name: str
    group: str
    given: str | None
    listed: np.ndarray | None = None
    flags: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """The face set and the messages about the records that were left out."""

    faces: FaceSet
    skipped: tuple[str, ...]


def prepare(params: FetchParams, folder: Path) -> Prepared:
    """Read or render all faces and write them to `folder` in one step.

    Raises BadInput for a data set that is not known, and for a bad record unless
    `params.on_bad` is "skip".
    """
    root = Path(params.root)
    layout, mark = readers.recognise(root, params.layout)
    say(f"{root}: layout {layout} (found {mark})")
    cv2.setNumThreads(1)  # params.workers is what runs side by side
    problems = Problems(root, params.on_bad)
    rendered = layout == readers.SYNTHETIC
    records = [] if rendered else _records(root, layout, params, problems)
    count = params.synthetic.train + params.synthetic.test if rendered else len(records)
    samples = _rendered(root, params) if rendered else _photographs(records, params, problems)
    margin = 0 if records and records[0].cropped else params.margin
    with new_folder(folder) as made:
        kept, images = _store(samples, made, count, params.size + 2 * margin)
        faces = FaceSet(
            images=images,
            landmarks=np.stack([sample.landmarks for sample in kept]),
            pose=_poses(kept, params),
            split=_split(kept, params),
            names=[sample.name for sample in kept],
            groups=[sample.group for sample in kept],
            size=params.size,
            margin=margin,
            layout=layout,
            source=mark,
            flags=_flags(kept),
        )
        faces.save_labels(made)
        (made / SKIPPED).write_text("".join(f"{line}\n" for line in problems.found))
    return Prepared(FaceSet.load(folder), tuple(problems.found))


def _records(root: Path, layout: str, params: FetchParams, problems: Problems) -> list[Record]:
    """The usable records by name, grouped as params say, no photograph in train and test."""
    records = readers.read(root, layout, problems)
    if params.group == "file":
        records = [dataclasses.replace(record, group=record.name) for record in records]
    split.check_groups([record.group for record in records])
    torn = split.straddling(
        [record.group for record in records], [record.split for record in records]
    )
    for one, other in torn:
        with problems.tolerate():
            raise BadInput(
                f"{records[one].origin}: the photograph of {records[other].origin}, which is in "
                "test; remove one of them"
            )
    dropped = {one for one, _ in torn}
    left = [record for index, record in enumerate(records) if index not in dropped]
    return _spread(left, params.limit)


def _spread(records: list[Record], limit: int | None) -> list[Record]:
    """At most `limit` records, evenly from each split."""
    if limit is None or limit >= len(records):
        return records
    order = sorted(range(len(records)), key=lambda index: (records[index].split or "", index))
    chosen = np.linspace(0, len(order) - 1, limit).round().astype(int)
    return [records[index] for index in sorted(order[place] for place in chosen)]


def _photographs(
    records: list[Record], params: FetchParams, problems: Problems
) -> Iterator[Sample | None]:
    """Decode and crop; None for a record that is left out."""
    with ThreadPoolExecutor(params.workers) as pool:
        made = _in_order(pool, partial(_cut, params=params), records, 4 * params.workers)
        try:
            for future in track(made, "faces", len(records), "faces"):
                sample = None
                with problems.tolerate():
                    sample = future.result()
                yield sample
        finally:
            pool.shutdown(cancel_futures=True)


def _cut(record: Record, params: FetchParams) -> Sample:
    try:
        picture = crop.load_picture(record.image)
        if record.cropped:
            image, landmarks = crop.fit(picture, record.points, params.size)
        else:
            crop.check_points(record.points, picture)
            image, landmarks = crop.cut(
                picture, record.points, params.size, params.margin, params.crop_scale
            )
    except BadInput as error:
        raise BadInput(f"{record.origin}: {error}") from None
    scheme = SCHEMES[len(landmarks)]
    computed = pose.estimate(landmarks * params.size, scheme, params.size)
    return Sample(image, landmarks, computed, record.name, record.group, record.split, record.pose)


def _rendered(root: Path, params: FetchParams) -> Iterator[Sample]:
    """Render: the first `train` pictures are for training, the rest, other people, for test."""
    from fbnet.faces import synthetic

    knobs = params.synthetic
    indices = range(knobs.train + knobs.test)
    head = synthetic.load_head(root)
    made = synthetic.render_many(head, knobs, indices, params.size, params.margin, params.workers)
    for index, face in zip(indices, track(made, "faces", len(indices), "faces"), strict=True):
        yield Sample(
            image=face.image,
            landmarks=face.landmarks,
            pose=face.pose,
            name=f"face{index:06d}",
            group=f"person{face.identity:06d}",
            given="train" if index < knobs.train else "test",
            flags=face.flags,
        )


def _store(
    samples: Iterable[Sample | None], folder: Path, count: int, side: int
) -> tuple[list[Sample], np.ndarray]:
    """Write the images one by one; returns the samples without them, and the images mapped."""
    images = create_images(folder, count, side)
    kept: list[Sample] = []
    for sample in samples:
        if sample is not None:
            images[len(kept)] = sample.image
            kept.append(dataclasses.replace(sample, image=images[:0]))
    images.flush()
    return kept, trim_images(folder, len(kept))


def _flags(kept: Sequence[Sample]) -> dict[str, np.ndarray]:
    return {name: np.array([sample.flags[name] for sample in kept]) for name in kept[0].flags}


def _split(kept: Sequence[Sample], params: FetchParams) -> np.ndarray:
    return split.assign(
        [sample.group for sample in kept],
        [sample.given for sample in kept],
        params.test_share,
        params.validation_share,
        params.seed,
    )


def _poses(kept: Sequence[Sample], params: FetchParams) -> np.ndarray:
    """Pose float32 [N, 3] as `params.pose` says; warns where a list's angles look wrong."""
    computed = np.stack([sample.pose for sample in kept])
    listed = np.array([sample.listed is not None for sample in kept])
    if not listed.any():
        return computed
    given = np.stack([sample.listed for sample in kept if sample.listed is not None])
    apart = np.degrees(np.median(pose.difference(given, computed[listed])))
    if apart > GROSS_DEG:
        used = "they are kept (fetch.pose: keep)" if params.pose == "keep" else "they are not used"
        say(f"warning: the listed head angles are {apart:.0f} degrees off the landmarks'; {used}")
    if params.pose == "keep":
        computed[listed] = given
    return computed


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T], ahead: int
) -> Iterator["Future[R]"]:
    """The future of each item in order, no more than `ahead` of them under way."""
    source = iter(items)
    waiting = deque(pool.submit(work, item) for item in islice(source, ahead))
    while waiting:
        yield waiting.popleft()
        waiting.extend(pool.submit(work, item) for item in islice(source, 1))
