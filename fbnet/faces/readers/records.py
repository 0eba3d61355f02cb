"""Labelled faces on disk: one as a `Record`, many as `Records`, which hold no object for each."""

import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fbnet.faces.readers.base import relative
from fbnet.files import writing

POSE, BOX = 3, 4
"""Numbers that follow a face's points in the file of `Records`; NaN where there are none."""


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


class Records:
    """The records of a data set in `root` by column; a record is put together when it is asked for.

    names, images (relative to `root`), origins, groups, splits, flags, cropped: as in `Record`, one
    a face. counts: numbers of points. Points, pose and rectangle, which take a kilobyte a face, lie
    in a temporary file without a name. Raises CannotWrite where that has no space.
    """

    def __init__(self, root: Path, records: Iterable[Record] = ()) -> None:
        self.root = root
        self.names: list[str] = []
        self.images: list[str] = []
        self.origins: list[str] = []
        self.groups: list[str] = []
        self.splits: list[str | None] = []
        self.flags: list[Mapping[str, bool]] = []
        self.cropped: list[bool] = []
        self.counts: list[int] = []
        self._starts = array("q")
        self._shared: dict[object, Mapping[str, bool]] = {}
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (closed by the next line)
        weakref.finalize(self, self._file.close)
        self._end = 0
        for record in records:
            self.append(record)

    def append(self, record: Record) -> None:
        """Add a record at the end."""
        image = relative(record.image, self.root)
        # One text where two are alike, one dictionary of flags for all faces that have them.
        self.names.append(record.name)
        self.images.append(record.name if image == record.name else image)
        self.origins.append(record.origin)
        self.groups.append(record.name if record.group == record.name else record.group)
        self.splits.append(record.split)
        self.flags.append(self._shared.setdefault(tuple(record.flags.items()), record.flags))
        self.cropped.append(record.cropped)
        self.counts.append(len(record.points))
        self._starts.append(self._end)
        pose = np.full(POSE, np.nan) if record.pose is None else record.pose
        box = np.full(BOX, np.nan) if record.box is None else record.box
        self._add(np.concatenate([record.points.ravel(), pose, box]))

    def __len__(self) -> int:
        """Number of records."""
        return len(self.names)

    def __getitem__(self, index: int) -> Record:
        """The record at `index`."""
        further = self._further(index)
        pose, box = further[:POSE], further[POSE:]
        return Record(
            image=self.root / self.images[index],
            name=self.names[index],
            origin=self.origins[index],
            points=self.points(index),
            group=self.groups[index],
            split=self.splits[index],
            pose=None if np.isnan(pose).all() else pose,
            cropped=self.cropped[index],
            box=None if np.isnan(box).all() else box,
            flags=self.flags[index],
        )

    def __iter__(self) -> Iterator[Record]:
        """The records, one after the other."""
        return (self[index] for index in range(len(self)))

    def points(self, index: int) -> np.ndarray:
        """Points float64 [P, 2] of the record at `index`."""
        self._file.seek(self._starts[index])
        numbers = np.frombuffer(self._file.read(16 * self.counts[index]), np.float64)
        return numbers.reshape(-1, 2)

    def set_points(self, index: int, points: np.ndarray) -> None:
        """Put other points, perhaps more of them, into the record at `index`."""
        if len(points) == self.counts[index]:
            self._write(self._starts[index], points)
            return
        further = self._further(index)
        self.counts[index], self._starts[index] = len(points), self._end
        self._add(np.concatenate([points.ravel(), further]))

    def keep(self, order: Sequence[int]) -> None:
        """Keep the records with these indices, in this order."""
        for name, column in vars(self).items():
            if isinstance(column, list):
                setattr(self, name, [column[index] for index in order])
        self._starts = array("q", (self._starts[index] for index in order))

    def _further(self, index: int) -> np.ndarray:
        """Pose and rectangle of the record at `index`."""
        self._file.seek(self._starts[index] + 16 * self.counts[index])
        return np.frombuffer(self._file.read(8 * (POSE + BOX)), np.float64)

    def _add(self, numbers: np.ndarray) -> None:
        self._write(self._end, numbers)
        self._end += numbers.nbytes

    def _write(self, at: int, numbers: np.ndarray) -> None:
        data = memoryview(numbers.tobytes())
        self._file.seek(at)
        with writing(tempfile.gettempdir()):
            while data:
                data = data[self._file.write(data) :]
