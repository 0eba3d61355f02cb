"""From labelled photographs to face crops: grouping, limits, and the work on many threads."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces import crop, pose, schemes, split, suspicious
from fbnet.faces.readers.base import Problems, Sample, Source, relative
from fbnet.faces.readers.records import Record, Records
from fbnet.files import printable
from fbnet.landmarks import Scheme, eye_distance
from fbnet.params import FetchParams
from fbnet.progress import say, track

TOLD = 20
"""Folders of which each is named with its split."""
ListRecords = Callable[[Path, Problems], Iterable[Record]]
"""Lists or yields the labelled faces of a folder, each within `Problems.tolerate`."""


def photographs(list_records: ListRecords) -> Callable[[Path, FetchParams, Problems], Source]:
    """The `Reader.read` of a layout whose labelled faces `list_records` lists."""
    return partial(_read, list_records)


def _read(list_records: ListRecords, root: Path, params: FetchParams, problems: Problems) -> Source:
    """Group, check and limit the records; their pictures are read while they are iterated."""
    records = sorted_records(list_records, root, problems)
    scheme = _scheme(records[0], params, problems)
    _mask(records, scheme, params.unseen, problems)
    if params.scheme is not None:
        _check_eyes(records, scheme, problems)
    records.groups = _groups(records, params.group)
    none = dict.fromkeys((name for flags in records.flags for name in flags), False)
    records.flags = [none | dict(flags) for flags in records.flags] if none else records.flags
    _drop_test_photographs(records, problems)
    _tell_guesses(records)
    if params.limit is not None and params.limit < len(records):
        # Evenly from each split.
        order = sorted(range(len(records)), key=lambda index: (records.splits[index] or "", index))
        chosen = np.linspace(0, len(order) - 1, params.limit).round().astype(int)
        kept = {order[place] for place in chosen}
        for index, image in enumerate(records.images):
            if index not in kept:
                problems.reasons[image] = "beyond fetch.limit"
        records.keep(sorted(kept))
    crops = _crops(records, scheme, params, problems)
    if any(records.cropped):
        return Source(len(records), 0, crops)
    return Source(len(records), params.margin, crops, params.crop_scale)


def _groups(records: Records, rule: str) -> list[str]:
    """The groups of the records as `FetchParams.group` says, and a line that tells them."""
    pictures, groups = records.images, records.groups
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
    return groups


def sorted_records(list_records: ListRecords, root: Path, problems: Problems) -> Records:
    """The records of `root` by name, so that no file order matters.

    Raises BadInput when there is none, and for bad ones as `problems` says.
    """
    listed = list_records(root, problems)
    records = listed if isinstance(listed, Records) else Records(root, listed)
    _check_any(records, problems)
    kept = _of_one_scheme(records, problems)
    records.keep(sorted(kept, key=records.names.__getitem__))
    return records


def _check_any(records: Records, problems: Problems) -> None:
    """Raise BadInput where no record is left."""
    if not len(records):
        bad = problems.messages
        reason = f" ({len(bad)} bad: {bad[0]})" if bad else ": its labels hold no points of a face"
        raise BadInput(f"{printable(problems.root)}: no face can be used{reason}")


def _of_one_scheme(records: Records, problems: Problems) -> list[int]:
    """Indices of the records of the number of points that most have; the others are bad."""
    points = Counter(records.counts).most_common(1)[0][0]
    first = records.origins[records.counts.index(points)]
    kept = []
    for index, count in enumerate(records.counts):
        if count == points:
            kept.append(index)
        else:
            problems.bad(
                f"{records.origins[index]}: {count} points where {first} has {points}; "
                "keep one point scheme in a data set"
            )
    return kept


def _scheme(record: Record, params: FetchParams, problems: Problems) -> Scheme:
    """The scheme of a record, whose mirror may be still to be found. Raises BadInput for none."""
    try:
        return schemes.scheme_of(len(record.points), params.scheme)
    except BadInput as error:
        raise BadInput(f"{printable(problems.root)}/{record.origin}: {error}") from None


def _mask(records: Records, scheme: Scheme, rule: str, problems: Problems) -> None:
    """Put NaN for unseen points as `FetchParams.unseen` says.

    Records whose NME would have no unit are bad and go. Raises BadInput where none is left.
    """
    kept, points, faces = [], 0, 0
    for index, origin in enumerate(records.origins):
        places = records.points(index)
        if rule == "mask":
            places = suspicious.without_unseen(places)
        unseen = np.isnan(places[:, 0])
        if unseen[list(scheme.eyes)].any():
            problems.bad(
                f"{origin}: an eye corner (point {scheme.eyes[0]} or {scheme.eyes[1]}) is "
                "labelled as unseen, and NME is measured in their distance; remove the face"
            )
        elif not eye_distance(places[None], scheme)[0] > 0:
            problems.bad(
                f"{origin}: the eye corners (points {scheme.eyes[0]} and {scheme.eyes[1]}) lie at "
                "one place, and NME is measured in their distance; fix them or remove the face"
            )
        else:
            kept.append(index)
            if unseen.any():
                points, faces = points + int(unseen.sum()), faces + 1
                records.set_points(index, places)
    records.keep(kept)
    _check_any(records, problems)
    if points:
        say(
            f"fetch.unseen: {points} points of {faces} faces are labelled as unseen, and count "
            "neither in loss nor in figures"
        )


def _check_eyes(records: Records, scheme: Scheme, problems: Problems) -> None:
    """Raise BadInput where the eyes of most faces lie the other way round."""
    left, right = scheme.eyes
    points = (records.points(index) for index in range(len(records)))
    wrong = sum(bool(places[left, 0] > places[right, 0]) for places in points)
    if 2 * wrong > len(records):
        raise BadInput(
            f"{printable(problems.root)}: fetch.scheme.eyes: point {left} lies to the right of "
            f"point {right} in {wrong} of {len(records)} faces; left and right are the picture's: "
            f"write [{right}, {left}]"
        )


def _drop_test_photographs(records: Records, problems: Problems) -> None:
    """Drop the records whose photograph is in a split that is measured on, too: they are bad."""
    pairs = split.straddling(records.groups, records.splits)
    for one, other in pairs:
        alone = records.images[one] != records.images[other]
        problems.bad(
            f"{records.origins[one]}: the photograph of {records.origins[other]}, which is in "
            f"{records.splits[other]}; remove one of them"
            + (", or set fetch.group: file if the two are photographs of their own" * alone)
        )
        problems.reasons[records.images[one]] = (
            f"left out: its photograph is in {records.splits[other]} ({records.origins[other]})"
        )
    dropped = {one for one, _ in pairs}
    records.keep([index for index in range(len(records)) if index not in dropped])


def _tell_guesses(records: Records) -> None:
    """Warn of folders whose names say no split where those of others do."""
    rows = zip(records.origins, records.splits, strict=True)
    labels = {origin.partition(":")[0] for origin, split in rows if split is None}
    guessed = {PurePosixPath(label).parent.as_posix() for label in labels}
    if guessed and any(records.splits):
        some = ", ".join(sorted(guessed)[:TOLD])
        say(
            f"warning: the names of {some} say no split, others do: taken for training; put them "
            "below a folder train or test"
        )


def _crops(
    records: Records, scheme: Scheme, params: FetchParams, problems: Problems
) -> Iterator[Sample | None]:
    """Decode and crop on `params.workers` threads, in order; None for a record left out."""
    turned = Counter[str]()
    waiting: deque[tuple[Record, Future[tuple[Sample, str]]]] = deque()
    ahead, count = iter(records), len(records)
    with ThreadPoolExecutor(params.workers) as pool:
        # Only some pictures are under way at a time, so that memory stays flat.
        def submit(count: int) -> None:
            for record in islice(ahead, count):
                waiting.append((record, pool.submit(_crop, record, scheme, params)))

        submit(4 * params.workers)
        try:
            for _ in track(range(count), "faces", count, "faces"):
                sample, bad = None, len(problems.messages)
                record, cropped = waiting.popleft()
                with problems.tolerate():
                    sample, exif = cropped.result()
                    turned[exif] += 1
                    problems.files.use(relative(record.image, problems.root))
                    problems.files.use_label(record.origin)
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
        picture=record.image.relative_to(params.root).as_posix(),
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
