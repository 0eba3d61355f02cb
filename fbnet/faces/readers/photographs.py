"""From labelled photographs to face crops: grouping, limits, and the work on many threads."""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces import crop, pose, split
from fbnet.faces.readers.base import Problems, Sample, Source
from fbnet.landmarks import SCHEMES
from fbnet.params import FetchParams
from fbnet.progress import track


@dataclass(frozen=True)
class Record:
    """One labelled face on disk.

    image: the picture's file. name: unique, relative to the data set. origin: where the label
    stands, "file:line" relative to the data set.
    points: float64 [P, 2] (x, y) in pixels, whole numbers being pixel centres; where `cropped`,
    as shares of the picture's side.
    group: faces of one photograph share it. split: train, validation or test where the data set
    says so. pose: pitch, yaw, roll in radians where it says so.
    """

    image: Path
    name: str
    origin: str
    points: np.ndarray
    group: str
    split: str | None = None
    pose: np.ndarray | None = None
    cropped: bool = False


ListRecords = Callable[[Path, Problems], list[Record]]
"""Lists the labelled faces of a folder, each within `Problems.tolerate`."""


def photographs(list_records: ListRecords) -> Callable[[Path, FetchParams, Problems], Source]:
    """The `Reader.read` of a layout whose labelled faces `list_records` lists."""
    return partial(_read, list_records)


def _read(list_records: ListRecords, root: Path, params: FetchParams, problems: Problems) -> Source:
    """Group, check and limit the records; their pictures are read while they are iterated."""
    records = sorted_records(list_records, root, problems)
    if params.group == "file":
        records = [dataclasses.replace(record, group=record.name) for record in records]
    split.check_groups([record.group for record in records])
    records = _without_test_photographs(records, problems)
    if params.limit is not None and params.limit < len(records):
        # Evenly from each split.
        order = sorted(range(len(records)), key=lambda index: (records[index].split or "", index))
        chosen = np.linspace(0, len(order) - 1, params.limit).round().astype(int)
        records = [records[index] for index in sorted(order[place] for place in chosen)]
    margin = 0 if any(record.cropped for record in records) else params.margin
    return Source(len(records), margin, _crops(records, params, problems))


def sorted_records(list_records: ListRecords, root: Path, problems: Problems) -> list[Record]:
    """The records of `root` by name, so that no file order matters.

    Raises BadInput when there is none, and for bad ones as `problems` says.
    """
    records = list_records(root, problems)
    if not records:
        bad = problems.messages
        reason = f" ({len(bad)} bad: {bad[0]})" if bad else ""
        raise BadInput(f"{root}: no face can be used{reason}")
    return sorted(records, key=lambda record: record.name)


def _without_test_photographs(records: list[Record], problems: Problems) -> list[Record]:
    """The records but those of train or validation whose photograph is in test, too."""
    pairs = split.straddling(
        [record.group for record in records], [record.split for record in records]
    )
    for one, other in pairs:
        with problems.tolerate():
            raise BadInput(
                f"{records[one].origin}: the photograph of {records[other].origin}, which is in "
                "test; remove one of them"
            )
    dropped = {one for one, _ in pairs}
    return [record for index, record in enumerate(records) if index not in dropped]


def _crops(
    records: list[Record], params: FetchParams, problems: Problems
) -> Iterator[Sample | None]:
    """Decode and crop on `params.workers` threads, in order; None for a record left out."""
    source = iter(records)
    with ThreadPoolExecutor(params.workers) as pool:
        # Only some pictures are under way at a time, so that memory stays flat.
        ahead = islice(source, 4 * params.workers)
        waiting = deque(pool.submit(_crop, record, params) for record in ahead)
        try:
            for _ in track(records, "faces", len(records), "faces"):
                sample = None
                with problems.tolerate():
                    sample = waiting.popleft().result()
                waiting.extend(pool.submit(_crop, record, params) for record in islice(source, 1))
                yield sample
        finally:
            pool.shutdown(cancel_futures=True)


def _crop(record: Record, params: FetchParams) -> Sample:
    """Read and crop one face. Raises BadInput that starts with the label's place."""
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
    return Sample(
        image=image,
        landmarks=landmarks,
        pose=pose.estimate(landmarks * params.size, SCHEMES[len(landmarks)], params.size),
        name=record.name,
        group=record.group,
        split=record.split,
        listed_pose=record.pose,
    )
