"""What labelling tools export: dlib's and CVAT's XML, COCO's key points, LabelMe's JSON.

One file labels many pictures (LabelMe: one each), wherever these lie. The points of a face are in
the order of their numbers, which name them (dlib, LabelMe, CVAT's skeletons), or as they are
listed. A number that most faces have and one lacks is a point that nobody saw. A file that labels
many pictures and whose name ends in train, val or test (a year or version may follow) gives that
split; where one gives train, those whose name and folder give none are not read, since they repeat
it. All others, and LabelMe's files, have the splits of their folders.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from xml.etree import ElementTree

import numpy as np
from pydantic import BaseModel

from fbnet.errors import BadInput
from fbnet.faces.crop import PICTURE_SUFFIXES
from fbnet.faces.readers.base import SPLIT_FOLDERS, Problems, Reader, photograph_of, split_of
from fbnet.faces.readers.photographs import photographs
from fbnet.faces.readers.records import Record, Records
from fbnet.faces.readers.walk import walk
from fbnet.files import number, printable, read_bytes, read_json, validated

LARGEST = 2**30
"""Bytes that a file of labels may have."""
DIGITS = 9
"""Digits that the number of a point may have."""
HEAD = 4096
"""Bytes from its start by which a file's form is guessed, before all of it is searched."""
CHUNK, OVERLAP = 2**20, 64
"""Bytes that are searched at once, and that two such parts share."""

Numbers = tuple[int, ...]
Points = tuple[Numbers | None, list[tuple[float, float]]]
"""The numbers that name a face's points, rising, None where they are listed; and x, y of each."""
Face = tuple[str, str, Callable[[], Points]]
"""Picture as the file names it, place for messages, and what reads the points in pixels."""
Parse = Callable[[Path, str], Iterator[Face]]
"""The faces of a file, whose name within the data set is the second argument."""


@dataclass(frozen=True)
class Form:
    """A form of label files, by which they are known and read.

    suffix: in lower case. head: one of these words stands near the start. marks: all of these stand
    somewhere. parse: yields the faces. many: whether one file labels many pictures.
    """

    suffix: str
    head: tuple[bytes, ...]
    marks: tuple[bytes, ...]
    parse: Parse
    many: bool = True

    def detect(self, root: Path) -> str | None:
        """The first file of this form."""
        names = (name for name, reason in walk(root) if not reason)
        return next(self.files(names, root), None)

    def files(self, names: Iterable[str], root: Path) -> Iterator[str]:
        """Those of the names within `root` whose files are of this form."""
        for name in names:
            if name.lower().endswith(self.suffix):
                with suppress(OSError), open(root / name, "rb") as stream:
                    if self._fits(stream):
                        yield name

    def _fits(self, stream: BinaryIO) -> bool:
        seen = stream.read(HEAD).replace(b"\0", b"")
        if not any(word in seen for word in self.head):
            return False
        # A tool that sorts its keys puts long lists before the one that tells.
        missing = {mark for mark in self.marks if mark not in seen}
        while missing and (more := stream.read(CHUNK).replace(b"\0", b"")):
            seen = seen[-OVERLAP:] + more
            missing = {mark for mark in missing if mark not in seen}
        return not missing

    def named_split(self, name: str) -> str | None:
        """The split that a file's name ends in, a year or version aside.

        A file of one picture is named as that, and gives none.
        """
        stem = re.sub(r"[\W_]*v?[\d\W_]*$", "", PurePosixPath(name).stem.lower())
        return SPLIT_FOLDERS.get(re.split(r"[^a-z]", stem)[-1]) if self.many else None


def _list(form: Form, root: Path, problems: Problems) -> Records:
    """All records of all files of a form. For bad ones raises BadInput as `problems` says.

    The faces of a picture with several of them are numbered.
    """
    named: list[Numbers | None] = []
    records = Records(root)
    for record, numbers in _records(form, problems):
        records.append(record)
        named.append(numbers)
    if any(named):
        _place_by_number(records, named, problems)
    faces, so_far = Counter(records.images), Counter[str]()
    for index, image in enumerate(records.images):
        so_far[image] += 1
        if faces[image] > 1:
            records.names[index] = f"{image}#{so_far[image]}"
    return records


def _place_by_number(records: Records, named: Sequence[Numbers | None], problems: Problems) -> None:
    """Give all records the points that at least half of them have, NaN where one lacks a point.

    named: the numbers of each record's points. Records with points that others lack are bad.
    """
    faces = Counter(number for numbers in named for number in numbers or ())
    usual = tuple(sorted(number for number, count in faces.items() if 2 * count >= len(named)))
    kept = []
    for index, numbers in enumerate(named):
        if numbers and numbers != usual:
            if others := sorted(set(numbers).difference(usual)):
                reason = f"has a point {others[0]}, which most faces lack; rename or remove it"
                problems.bad(f"{records.origins[index]}: {reason}")
                problems.reasons[records.images[index]] = f"left out: {reason}"
                continue
            points = np.full((len(usual), 2), np.nan)
            points[np.searchsorted(usual, numbers)] = records.points(index)
            records.set_points(index, points)
        kept.append(index)
    records.keep(kept)


def _records(form: Form, problems: Problems) -> Iterator[tuple[Record, Numbers | None]]:
    """The faces of all files, each with the numbers that name its points."""
    root, shared = problems.root, dict[Numbers | None, Numbers | None]()
    names = list(form.files(problems.files.names, root))
    named = {name: form.named_split(name) for name in names}
    splits = {name: named[name] or split_of(root / name, root) for name in names}
    pictured = {
        PurePosixPath(name).parent.as_posix() for name in problems.files.ending(*PICTURE_SUFFIXES)
    }
    if "train" in named.values():
        for name in names:
            if not splits[name]:
                problems.reasons[name] = "other files beside it give a split"
    for name in names:
        if name in problems.reasons:
            continue
        folder = PurePosixPath(name).parent.as_posix()
        starts = (folder if folder != "." else "", "", "images")
        with problems.tolerate():
            for picture, place, points in form.parse(root / name, name):
                # Labels with pictures beside them speak of these, and of no namesake elsewhere.
                image = problems.files.find_tail(picture, starts, folder not in pictured)
                bad = len(problems.messages)
                with problems.tolerate():
                    numbers, places = points()
                    if image is None:
                        raise BadInput(f"{place}: no picture {picture}; add it or remove the face")
                    record = _record(
                        problems.root, image, place, np.array(places, np.float64), splits[name]
                    )
                    yield record, shared.setdefault(numbers, numbers)
                for message in problems.messages[bad:] if image else []:
                    problems.reasons[str(image)] = f"left out: {message}"


def _record(root: Path, image: str, place: str, points: np.ndarray, split: str | None) -> Record:
    if np.isinf(points).any():
        raise BadInput(f"{place}: a coordinate is no finite number; fix it or remove the face")
    if np.isnan(points).all():
        raise BadInput(f"{place}: no point is labelled; remove the face")
    at = PurePosixPath(image)
    group = at.with_name(photograph_of(at.stem)).as_posix()
    return Record(root / image, image, place, points, group=group, split=split)


def _tree(path: Path, name: str) -> ElementTree.Element:
    data = read_bytes(path, LARGEST)
    if b"<!ENTITY" in data:
        raise BadInput(f"{name}:1: defines entities, which labels do not need; remove them")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BadInput(f"{name}: not valid XML ({error})") from None


def _ordered(points: Iterable[tuple[str, float, float]], place: str) -> Points:
    """Points in the order of the numbers that name them."""
    listed = list(points)
    names = [name.strip() for name, *_ in listed]
    plain = all(name.isdecimal() and len(name) <= DIGITS for name in names)
    if not plain or len({*map(int, names)}) < len(names):
        raise BadInput(f"{place}: points need numbers as names, each once; {names[:3]} are given")
    by_number = {int(name): (x, y) for name, x, y in listed}
    numbers = tuple(sorted(by_number))
    return numbers, [by_number[number] for number in numbers]


def _dlib(path: Path, name: str) -> Iterator[Face]:
    for image in _tree(path, name).iter("image"):
        picture = image.get("file", "")
        for count, box in enumerate(image.iter("box"), 1):
            place = f"{name}:{printable(picture)}, box {count}"
            if box.find("part") is not None:
                yield picture, place, partial(_parts, box, place)


def _parts(box: ElementTree.Element, place: str) -> Points:
    return _ordered(
        (
            (part.get("name", ""), *_pair(part.get("x", ""), part.get("y", ""), place))
            for part in box.iter("part")
        ),
        place,
    )


def _cvat(path: Path, name: str) -> Iterator[Face]:
    tree = _tree(path, name)
    if tree.find("track") is not None and tree.find("image") is None:
        raise BadInput(f"{name}: tracks of a video; export it as 'CVAT for images'")
    for image in tree.iter("image"):
        picture = image.get("name", "")
        for count, shape in enumerate(image, 1):
            place = f"{name}:{printable(picture)}, shape {count}"
            if shape.tag == "points":
                yield picture, place, partial(_pairs, shape, place)
            elif shape.tag == "skeleton":
                yield picture, place, partial(_skeleton, shape, place)


def _skeleton(shape: ElementTree.Element, place: str) -> Points:
    def place_of(part: ElementTree.Element) -> tuple[float, float]:
        x, y = _pairs(part, place)[1][0]
        # What is outside stands where the template had it.
        return (math.nan, math.nan) if part.get("outside") == "1" else (x, y)

    return _ordered(
        ((part.get("label", ""), *place_of(part)) for part in shape.iter("points")), place
    )


def _pairs(shape: ElementTree.Element, place: str) -> Points:
    pairs = [pair.split(",") for pair in shape.get("points", "").split(";")]
    if not all(len(pair) == 2 for pair in pairs):
        raise BadInput(f"{place}: points are no list x,y;x,y")
    return None, [_pair(x, y, place) for x, y in pairs]


def _pair(x: str, y: str, place: str) -> tuple[float, float]:
    return number(x, place), number(y, place)


class _Image(BaseModel):
    id: int | str
    file_name: str


class _Keypoints(BaseModel):
    image_id: int | str
    num_keypoints: int | None = None
    """0 of a person who is labelled by a box alone."""
    keypoints: list[float] = []
    face_kpts: list[float] = []
    """The face of COCO-WholeBody."""
    face_valid: bool = True


class _Coco(BaseModel):
    """What its lists hold is checked one by one: each is a record that may be bad."""

    images: list[Any]
    annotations: list[Any]


def _coco(path: Path, name: str) -> Iterator[Face]:
    coco = validated(_Coco, read_json(path, LARGEST), name)
    pictures: dict[int | str, str] = {}
    for count, given in enumerate(coco.images, 1):
        place = f"{name}:image {count}"
        try:
            image = validated(_Image, given, place)
        except BadInput as fault:
            yield "", place, partial(_refuse, fault)
            continue
        if (other := pictures.setdefault(image.id, image.file_name)) != image.file_name:
            raise BadInput(
                f"{name}: the images {printable(other)} and {printable(image.file_name)} have the "
                f"id {image.id}; give each its own, in the annotations too"
            )
    for count, given in enumerate(coco.annotations, 1):
        place = f"{name}:annotation {count}"
        try:
            face = validated(_Keypoints, given, place)
            if face.image_id not in pictures:
                raise BadInput(f"{place}: no image has the id {face.image_id}")
        except BadInput as fault:
            stated = given.get("image_id") if isinstance(given, dict) else None
            picture = pictures.get(stated, "") if isinstance(stated, int | str) else ""
            yield picture, place, partial(_refuse, fault)
            continue
        body = [] if face.num_keypoints == 0 else face.keypoints
        if (values := face.face_kpts or body) and face.face_valid:
            yield pictures[face.image_id], place, partial(_triples, values, place)


def _refuse(fault: BadInput) -> Points:
    raise fault


def _triples(values: list[float], place: str) -> Points:
    if len(values) % 3:
        raise BadInput(f"{place}: {len(values)} numbers; key points are x, y, visibility")
    nan = (math.nan, math.nan)
    triples = zip(values[::3], values[1::3], values[2::3], strict=True)
    return None, [(x, y) if seen > 0 else nan for x, y, seen in triples]


class _Shape(BaseModel):
    label: str
    points: list[tuple[float, float]]
    group_id: int | None = None
    shape_type: str = "point"


class _LabelMe(BaseModel):
    imagePath: str
    shapes: list[_Shape]


def _labelme(path: Path, name: str) -> Iterator[Face]:
    labels = validated(_LabelMe, read_json(path, LARGEST), name)
    faces: dict[int | None, list[tuple[str, float, float]]] = {}
    for shape in labels.shapes:
        if shape.shape_type == "point" and len(shape.points) == 1:
            faces.setdefault(shape.group_id, []).append((shape.label, *shape.points[0]))
    for group, points in faces.items():
        place = f"{name}:1: face {group}" if group is not None else f"{name}:1"
        yield labels.imagePath, place, partial(_ordered, points, place)


def _reader(looks_for: str, form: Form) -> Reader:
    return Reader(
        looks_for=looks_for,
        detect=form.detect,
        read=photographs(partial(_list, form)),
        fallback=True,
    )


# Some tools sort the keys, and what comes first may be longer than the head.
COCO_MARKS, LABELME_MARKS = (b'"images"', b'"annotations"'), (b'"shapes"',)
COCO_KEYS = (*COCO_MARKS, b'"categories"', b'"info"', b'"licenses"')
LABELME_KEYS = (*LABELME_MARKS, b'"imageData"', b'"imagePath"')

DLIB = _reader("dlib's *.xml", Form(".xml", (b"<dataset",), (b"<image",), _dlib))
CVAT = _reader("CVAT's *.xml", Form(".xml", (b"<annotations",), (), _cvat))
COCO = _reader("COCO's *.json", Form(".json", COCO_KEYS, COCO_MARKS, _coco))
LABELME = _reader("LabelMe's *.json", Form(".json", LABELME_KEYS, LABELME_MARKS, _labelme, False))
