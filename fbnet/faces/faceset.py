"""The face set on disk: crops to memory-map, landmarks, pose, split, flags."""

import io
import mmap
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fbnet.errors import BadInput
from fbnet.files import new_folder, read_json, validated, write_bytes, write_json, writing
from fbnet.landmarks import SCHEMES, Scheme
from fbnet.params import CROP_SCALE

SPLITS = {"train": 0, "validation": 1, "test": 2}
"""Names of the splits and their codes in split.npy."""
CHUNK = 128
IMAGES = "images.npy"
LABELS = ("landmarks", "pose", "split")
FLAGS = "flags.npy"
LARGEST_META = 2**30
"""Bytes of meta.json, which names every face."""
EXACT: dict[str, tuple[type[np.generic], int | None]] = {
    "visible": (np.bool_, None),
    "openness": (np.float32, 3),
}
"""Labels that only a renderer knows: type, and values a face, None for one a landmark."""
META = ("names", "groups", "size", "margin", "layout", "source", "crop_scale")
"""What meta.json holds beside the names of the flags."""


@dataclass(frozen=True, eq=False)
class FaceSet:
    """N face crops with labels.

    images: uint8 [N, S, S, 3] BGR, S = size + 2 * margin; memory-mapped when loaded.
    landmarks: float32 [N, P, 2], (x, y) in units of the inner crop: 0 and 1 are its edges, the
        centre of its first pixel is 0.5 / size. Outside 0..1 a point lies in the margin or
        beyond. NaN: nobody saw the point, and it counts neither in loss nor in figures.
    pose: float32 [N, 3], pitch, yaw, roll in radians (convention: `fbnet.faces.pose`); NaN where
        the points do not show it.
    split: uint8 [N], 0 train, 1 validation, 2 test.
    names: one a face, unique within the data set. groups: faces of one photograph or person.
    size, margin: pixels. crop_scale: side of the inner crop in units of the longer side of the
        landmarks' box. layout: how the data set was laid out. source: the marker that showed it.
    flags: what is known about each picture, such as "glasses": name -> bool [N].
    exact: labels of rendered faces alone, empty for photographs. visible: bool [N, P], whether the
        landmark can be seen. openness: float32 [N, 3], gap by width of the picture's left eye,
        right eye and the mouth. See `fbnet.faces.synthetic.sight`.
    own_scheme: the order of the landmarks where it is none of `fbnet.landmarks.SCHEMES`.
    """

    images: np.ndarray
    landmarks: np.ndarray
    pose: np.ndarray
    split: np.ndarray
    names: list[str]
    groups: list[str]
    size: int
    margin: int
    layout: str
    source: str
    crop_scale: float = CROP_SCALE
    flags: Mapping[str, np.ndarray] = field(default_factory=dict)
    exact: Mapping[str, np.ndarray] = field(default_factory=dict)
    own_scheme: Scheme | None = None

    def __post_init__(self) -> None:
        """Raise BadInput where lengths, shapes or types contradict each other."""
        side = self.size + 2 * self.margin
        count = len(self.names)
        wanted: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
            "images": (np.uint8, (count, side, side, 3)),
            "landmarks": (np.float32, (count, *self.landmarks.shape[1:2], 2)),
            "pose": (np.float32, (count, 3)),
            "split": (np.uint8, (count,)),
        }
        for name in self.exact:
            dtype, width = EXACT[name]
            wanted[name] = (dtype, (count, width or self.points))
        for name, (kind, shape) in wanted.items():
            array = self.exact[name] if name in self.exact else getattr(self, name)
            if array.dtype != kind or array.shape != shape:
                raise BadInput(
                    f"faces: {name} is {array.dtype} {list(array.shape)} where {count} faces need "
                    f"{np.dtype(kind)} {list(shape)}; prepare the faces anew"
                )
        if len(self.groups) != count:
            raise BadInput(
                f"faces: {len(self.groups)} groups for {count} faces; prepare the faces anew"
            )
        for name, values in self.flags.items():
            if values.dtype != bool or values.shape != (count,):
                raise BadInput(f"faces: flag {name} is not bool [{count}]; prepare the faces anew")
        if self.own_scheme is None and self.points not in SCHEMES:
            known = ", ".join(map(str, SCHEMES))
            raise BadInput(f"faces: {self.points} landmarks are no known scheme (known: {known})")
        if self.scheme.points != self.points:
            raise BadInput(
                f"faces: {self.points} landmarks where their scheme has {self.scheme.points}; "
                "prepare the faces anew"
            )

    def __len__(self) -> int:
        """Number of faces N."""
        return len(self.names)

    def __repr__(self) -> str:
        """One line: how many faces there are, of what kind, and how they are split."""
        parts = ", ".join(f"{name} {len(self.indices(name)):,}" for name in SPLITS)
        return (
            f"FaceSet({len(self):,} faces of {self.points} points, {self.size} px + "
            f"{self.margin} px margin, layout {self.layout}: {parts})"
        )

    @property
    def points(self) -> int:
        """Landmarks per face P."""
        return int(self.landmarks.shape[1])

    @property
    def scheme(self) -> Scheme:
        """The order of the landmarks: mirror map, eye corners, regions."""
        return self.own_scheme or SCHEMES[self.points]

    def indices(self, split: str) -> np.ndarray:
        """Indices (int64, rising) of the faces of "train", "validation" or "test"."""
        return np.flatnonzero(self.split == SPLITS[split])

    def crops(self, indices: Any) -> np.ndarray:
        """Inner crops, uint8 [n, size, size, 3] BGR, contiguous, not augmented."""
        inner = slice(self.margin, self.margin + self.size)
        return np.ascontiguousarray(self.images[np.asarray(indices), inner, inner])

    def save(self, folder: str | Path) -> None:
        """Write into `folder` in one step, replacing what it held."""
        with new_folder(folder) as target:
            images = create_images(target, len(self), self.size + 2 * self.margin)
            for start in range(0, len(self), CHUNK):
                images[start : start + CHUNK] = self.images[start : start + CHUNK]
            images.flush()
            self.save_labels(target)

    def save_labels(self, folder: Path) -> None:
        """Write all but the images into `folder`."""
        for name in LABELS:
            _write_array(folder / f"{name}.npy", getattr(self, name))
        columns = [np.asarray(values) for values in self.flags.values()]
        table = np.stack(columns, axis=1) if columns else np.zeros((len(self), 0), bool)
        _write_array(folder / FLAGS, table)
        for name, values in self.exact.items():
            _write_array(folder / f"{name}.npy", values)
        meta = {name: getattr(self, name) for name in META}
        scheme = {"scheme": asdict(self.own_scheme)} if self.own_scheme else {}
        write_json(folder / "meta.json", meta | {"flags": list(self.flags)} | scheme)

    @classmethod
    def load(cls, folder: str | Path) -> "FaceSet":
        """Read what `save` wrote; the images stay on disk.

        Raises BadInput that names the file when one is missing, broken or contradicts another.
        """
        folder = Path(folder)
        path = folder / "meta.json"
        meta = vars(validated(_Meta, read_json(path, LARGEST_META), str(path)))
        names, table = meta.pop("flags"), _load(folder / FLAGS)
        if table.ndim != 2 or table.shape[1] != len(names):
            raise BadInput(
                f"{folder / FLAGS}: {list(table.shape)} for {len(names)} flags; prepare the faces "
                "anew"
            )
        flags = dict(zip(names, table.T, strict=True))
        labels: dict[str, Any] = {name: _load(folder / f"{name}.npy") for name in LABELS}
        exact = {n: _load(folder / f"{n}.npy") for n in EXACT if (folder / f"{n}.npy").exists()}
        own = meta.pop("scheme")
        images = _load(folder / IMAGES, "r")
        return cls(images, **labels, **meta, flags=flags, exact=exact, own_scheme=own)


@dataclass
class _Meta:
    """What meta.json holds: fields of `FaceSet`."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    names: list[str]
    groups: list[str]
    size: int
    margin: int
    layout: str
    source: str
    crop_scale: float
    flags: list[str] = field(default_factory=list)
    scheme: Scheme | None = None


def create_images(folder: Path, count: int, side: int) -> np.memmap:
    """A new images file, uint8 [count, side, side, 3], mapped for writing: memory stays flat.

    Its space on the disk is reserved: a mapped file that meets a full disk ends the process. Raises
    CannotWrite where there is none, BadInput for a `count` of 0.
    """
    if count == 0:
        raise BadInput("faces: none to store; see the lines above for what was left out")
    path, shape = folder / IMAGES, (count, side, side, 3)
    with writing(path):
        images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        if hasattr(os, "posix_fallocate"):
            with open(path, "r+b") as stream:
                os.posix_fallocate(stream.fileno(), 0, images.offset + images.nbytes)
    return images


def release(images: np.ndarray) -> None:
    """Give back the memory of a mapped array; what it holds stays in the file and its cache."""
    mapped: object = images
    while isinstance(mapped, np.ndarray):
        mapped = mapped.base
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _write_array(path: Path, array: np.ndarray) -> None:
    """Write a .npy file in one step."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    write_bytes(path, stream.getvalue())


def keep_images(folder: Path, images: np.ndarray, kept: Sequence[int]) -> np.ndarray:
    """Keep the rows `kept` (rising) of the new images file `images`; returns them mapped."""
    for place, index in enumerate(kept):
        if place != index:
            images[place] = images[index]
        if place % CHUNK == 0:
            release(images)
    if isinstance(images, np.memmap):
        images.flush()
    if len(images) == len(kept):
        return _load(folder / IMAGES, "r")
    with new_folder(folder / "trimmed") as target:
        trimmed = create_images(target, len(kept), images.shape[1])
        for start in range(0, len(kept), CHUNK):
            stop = min(start + CHUNK, len(kept))
            trimmed[start:stop] = images[start:stop]
            release(trimmed)
            release(images)
        trimmed.flush()
    (folder / "trimmed" / IMAGES).replace(folder / IMAGES)
    (folder / "trimmed").rmdir()
    return _load(folder / IMAGES, "r")


def _load(path: Path, mode: Any = None) -> np.ndarray:
    """The array of a .npy file; memory-mapped for `mode` "r". Raises BadInput for a bad file."""
    try:
        # A plain view: the memmap class slows down every indexing.
        return np.asarray(np.load(path, mmap_mode=mode, allow_pickle=False))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; prepare the faces first") from None
    except (ValueError, EOFError, OSError) as error:
        raise BadInput(f"{path}: not a readable .npy file ({error}); prepare it anew") from None
