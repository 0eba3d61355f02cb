"""From labelled photographs to face crops: grouping, limits, and the work on many threads."""

import dataclasses
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces import crop, pose, schemes, split, suspicious
from fbnet.faces.readers.base import Problems, Sample, Source, relative
from fbnet.files import printable
from fbnet.landmarks import Scheme
from fbnet.params import FetchParams
from fbnet.progress import say, track


@dataclass(frozen=True, slots=True)
class Record:
    """One labelled face on disk.

    image: the picture's file. name: unique, relative to the data set. origin: where the label
    stands, "file:line" relative to the data set.
    points: float64 [P, 2] (x, y) in pixels, whole numbers being pixel centres; where `cropped`,
    as shares of the picture's side. NaN for points that nobody saw.
    group: faces of one photograph share it. split: train, validation or test where the data set
    says so. pose: pitch, yaw, roll in radians where it says so. box: left, top, right, bottom of
    the face's rectangle in pixels where it says so. flags: subsets and attributes of the face.
    """

    image: Path
    name: str
    origin: str
    points: np.ndarray
    group: str
    split: str | None = None
    pose: np.ndarray | None = None
    cropped: bool = False
    box: np.ndarray | None = None
    flags: Mapping[str, bool] = field(default_factory=dict)


ListRecords = Callable[[Path, Problems], list[Record]]
"""Lists the labelled faces of a folder, each within `Problems.tolerate`."""


def photographs(list_records: ListRecords) -> Callable[[Path, FetchParams, Problems], Source]:
    """The `Reader.read` of a layout whose labelled faces `list_records` lists."""
    return partial(_read, list_records)


def _read(list_records: ListRecords, root: Path, params: FetchParams, problems: Problems) -> Source:
    """Group, check and limit the records; their pictures are read while they are iterated."""
    records = sorted_records(list_records, root, problems)
    scheme = _scheme(records[0], params, problems)
    if params.unseen == "mask":
        records = _masked(records, scheme, problems)
    records = _grouped(records, params.group, root)
    names = dict.fromkeys(name for record in records for name in record.flags)
    none = dict.fromkeys(names, False)
    records = [dataclasses.replace(r, flags=none | dict(r.flags)) for r in records]
    records = _without_test_photographs(records, problems)
    if params.limit is not None and params.limit < len(records):
        # Evenly from each split.
        order = sorted(range(len(records)), key=lambda index: (records[index].split or "", index))
        chosen = np.linspace(0, len(order) - 1, params.limit).round().astype(int)
        kept = {order[place] for place in chosen}
        for index, record in enumerate(records):
            if index not in kept:
                problems.reasons[relative(record.image, root)] = "beyond fetch.limit"
        records = [records[index] for index in sorted(kept)]
    for record in records:
        problems.used |= {relative(record.image, root), record.origin.rpartition(":")[0]}
    crops = _crops(deque(records), scheme, params, problems)
    if any(record.cropped for record in records):
        return Source(len(records), 0, crops)
    return Source(len(records), params.margin, crops, params.crop_scale)


def _grouped(records: list[Record], rule: str, root: Path) -> list[Record]:
    """The records with their groups as `FetchParams.group` says, and a line that tells them."""
    pictures = [relative(record.image, root) for record in records]
    groups = [record.group for record in records]
    if rule == "file":
        groups = pictures
    elif rule == "auto":
        groups = split.without_series(groups, pictures)
    sizes = Counter(dict(zip(pictures, groups, strict=True)).values())
    largest, size = max(sizes.items(), key=lambda item: item[1])
    if size > 1:
        together = sum(size for size in sizes.values() if size > 1)
        say(
            f"fetch.group: by their names {together} pictures belong to "
            f"{sum(size > 1 for size in sizes.values())} photographs, most to {largest} ({size})"
        )
    return [
        dataclasses.replace(record, group=group)
        for record, group in zip(records, groups, strict=True)
    ]


def sorted_records(list_records: ListRecords, root: Path, problems: Problems) -> list[Record]:
    """The records of `root` by name, so that no file order matters.

    Raises BadInput when there is none, and for bad ones as `problems` says.
    """
    records = list_records(root, problems)
    if not records:
        bad = problems.messages
        reason = f" ({len(bad)} bad: {bad[0]})" if bad else ""
        raise BadInput(f"{printable(root)}: no face can be used{reason}")
    return sorted(_of_one_scheme(records, problems), key=lambda record: record.name)


def _of_one_scheme(records: list[Record], problems: Problems) -> list[Record]:
    """The records of the number of points that most have; the others are bad."""
    counts = Counter(len(record.points) for record in records)
    points = counts.most_common(1)[0][0]
    first = next(record for record in records if len(record.points) == points)
    kept = []
    for record in records:
        if len(record.points) == points:
            kept.append(record)
        else:
            problems.bad(
                f"{record.origin}: {len(record.points)} points where {first.origin} has {points}; "
                "keep one point scheme in a data set"
            )
    return kept


def _scheme(record: Record, params: FetchParams, problems: Problems) -> Scheme:
    """The scheme of a record, whose mirror may be still to be found. Raises BadInput for none."""
    try:
        return schemes.scheme_of(len(record.points), params.scheme)
    except BadInput as error:
        raise BadInput(f"{printable(problems.root)}/{record.origin}: {error}") from None


def _masked(records: list[Record], scheme: Scheme, problems: Problems) -> list[Record]:
    """The records with NaN for unseen points; those whose NME would have no unit are bad."""
    kept, points, faces = [], 0, 0
    for record in records:
        places = suspicious.without_unseen(record.points)
        unseen = np.isnan(places[:, 0])
        if unseen[list(scheme.eyes)].any():
            problems.bad(
                f"{record.origin}: an eye corner (point {scheme.eyes[0]} or {scheme.eyes[1]}) is "
                "labelled as unseen, and NME is measured in their distance; remove the face"
            )
        else:
            points, faces = points + int(unseen.sum()), faces + bool(unseen.any())
            kept.append(dataclasses.replace(record, points=places) if unseen.any() else record)
    if points:
        say(
            f"fetch.unseen: {points} points of {faces} faces are labelled as unseen, and count "
            "neither in loss nor in figures"
        )
    return kept


def _without_test_photographs(records: list[Record], problems: Problems) -> list[Record]:
    """The records but those of train or validation whose photograph is in test, too."""
    pairs = split.straddling(
        [record.group for record in records], [record.split for record in records]
    )
    for one, other in pairs:
        problems.bad(
            f"{records[one].origin}: the photograph of {records[other].origin}, which is in test; "
            "remove one of them"
        )
        problems.reasons[relative(records[one].image, problems.root)] = (
            f"left out: its photograph is in test ({records[other].origin})"
        )
    dropped = {one for one, _ in pairs}
    return [record for index, record in enumerate(records) if index not in dropped]


def _crops(
    records: deque[Record], scheme: Scheme, params: FetchParams, problems: Problems
) -> Iterator[Sample | None]:
    """Decode and crop on `params.workers` threads, in order; None for a record left out.

    Empties `records`, so that records and samples do not lie in memory together.
    """
    turned = Counter[str]()
    waiting: deque[tuple[Record, Future[tuple[Sample, str]]]] = deque()
    with ThreadPoolExecutor(params.workers) as pool:
        # Only some pictures are under way at a time, so that memory stays flat.
        def submit(count: int) -> None:
            for record in islice(_emptied(records), count):
                waiting.append((record, pool.submit(_crop, record, scheme, params)))

        count = len(records)
        submit(4 * params.workers)
        try:
            for _ in track(range(count), "faces", count, "faces"):
                sample, bad = None, len(problems.messages)
                record, cropped = waiting.popleft()
                with problems.tolerate():
                    sample, exif = cropped.result()
                    turned[exif] += 1
                for message in problems.messages[bad:]:
                    picture = relative(record.image, problems.root)
                    problems.reasons[picture] = f"left out: {message}"
                submit(1)
                yield sample
        finally:
            pool.shutdown(cancel_futures=True)
    if turned[STORED] or turned[UPRIGHT]:
        say(
            f"fetch.exif: {turned[UPRIGHT]} faces turned upright as their pictures say, "
            f"{turned[STORED]} taken as stored, since their points are"
        )


def _emptied(records: deque[Record]) -> Iterator[Record]:
    """The records, each taken out."""
    while records:
        yield records.popleft()


STORED, UPRIGHT = "stored", "upright"
"""How a picture was taken whose EXIF data say that it is to be turned."""


def _crop(record: Record, scheme: Scheme, params: FetchParams) -> tuple[Sample, str]:
    """Read and crop one face; and STORED or UPRIGHT, or "" where it makes no difference.

    Raises BadInput that starts with the label's place.
    """
    try:
        picture, exif = _picture(record, params.exif, scheme)
        if record.cropped:
            image, landmarks = crop.fit(picture, record.points, params.size)
        else:
            crop.check_points(record.points, picture)
            image, landmarks = crop.cut(
                picture, record.points, params.size, params.margin, params.crop_scale
            )
    except BadInput as error:
        raise BadInput(f"{record.origin}: {error}") from None
    (high, wide), (x, y) = picture.shape[:2], np.nanmean(record.points, axis=0)
    sample = Sample(
        image=image,
        landmarks=landmarks,
        pose=pose.estimate(landmarks * params.size, scheme, params.size),
        name=record.name,
        group=record.group,
        split=record.split,
        listed_pose=record.pose,
        flags=record.flags,
        doubt=suspicious.doubt(record.points, record.box, None if record.cropped else (high, wide)),
        centre=(0.5, 0.5) if record.cropped else (x / wide, y / high),
        fingerprint=crop.fingerprint(picture),
    )
    return sample, exif


def _picture(record: Record, rule: str, scheme: Scheme) -> tuple[np.ndarray, str]:
    """The picture, turned as `FetchParams.exif` says, and what became of its EXIF data."""
    if rule == "ignore":
        return crop.load_picture(record.image, stored=True), ""
    upright = crop.load_picture(record.image)
    if rule == "apply" or not crop.may_be_turned(record.image):
        return upright, ""
    stored = crop.load_picture(record.image, stored=True)
    if upright.shape == stored.shape and (upright == stored).all():
        return upright, ""
    points = record.points
    if record.cropped:
        points = points * upright.shape[0]
    if crop.follows_stored(points, upright, stored, scheme):
        return stored, STORED
    return upright, UPRIGHT
