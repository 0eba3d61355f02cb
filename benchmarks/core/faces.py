"""Face sets as inputs of jobs: read from any folder, and identified on any machine."""

import argparse
import fcntl
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.core.jobs import digest
from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.faces.prepare import prepare
from fbnet.files import digest as file_digest
from fbnet.params import FetchParams

PICTURES = 16
"""Every so many-th picture counts for the mean colour of a set."""


@cache
def load_faces(folder: Path, work: Path) -> FaceSet:
    """A face set as `fetch` writes it, or pictures in any layout that it reads; once a process.

    Pictures are cropped into a folder under `work`, once, and anew where a file changed. Raises
    BadInput where there is neither.
    """
    if not folder.exists():
        raise BadInput(f"{folder}: no such folder; `dvc repro fetch` renders faces, see --help")
    if (folder / "meta.json").exists():
        return FaceSet.load(folder)
    cropped = work / f"faces-{digest([str(folder.resolve()), _state(folder)])}"
    try:
        return FaceSet.load(cropped)
    except BadInput:  # not cropped yet, or by a version that stored faces otherwise
        return prepare(FetchParams(root=str(folder)), cropped).faces


def _state(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of every file: other crops are due where one changes."""
    stats = {path.relative_to(folder): path.stat() for path in folder.rglob("*") if path.is_file()}
    return sorted((p.as_posix(), stat.st_size, stat.st_mtime_ns) for p, stat in stats.items())


def photographs(given: argparse.Namespace, work: Path) -> FaceSet:
    """The faces that `core.photographs_option` names. Raises BadInput where it was not given."""
    if not given.photographs:
        raise BadInput("--photographs FOLDER is needed: nets are scored on labelled photographs")
    return load_faces(given.photographs, work)


def head_digest(data: Path) -> str:
    """Digest of the head in a folder. Raises BadInput where there is none."""
    head = data / "head.npz"
    if not head.is_file():
        raise BadInput(f"{head}: no such file; name the folder that holds it by --data")
    return file_digest(head)


def render(params: FetchParams, work: Path) -> Path:
    """Folder under `work` of the faces that a head gives by `params`; rendered once.

    Raises BadInput where `params.root` holds no head.
    """
    head = head_digest(Path(params.root))
    folder = work / f"rendered-{digest([params.model_dump(exclude={'root', 'workers'}), head])}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            FaceSet.load(folder)
        except BadInput:
            prepare(params, folder)
    return folder


def identity(faces: FaceSet) -> str:
    """Identifies a face set, the same on machines that round otherwise.

    A digest of the names, the split, the mean of each landmark [P, 2] to three digits, and the
    mean colour in whole grey levels. Every label to its last bit would depend on the machine.
    """
    means = faces.landmarks.mean(axis=0, dtype=np.float64).round(3) + 0.0  # no -0.0
    colour = faces.images[::PICTURES].mean(axis=(0, 1, 2)).round()
    return digest([faces.names, faces.split.tolist(), means.tolist(), colour.tolist()])
