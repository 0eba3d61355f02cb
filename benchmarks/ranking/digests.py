"""Short names for what a result hangs on."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.identity import identity
from fbnet.faces.faceset import FaceSet

PICTURES = 16
"""One in so many stands for all in the mean colour."""


def short(value: Any) -> str:
    """Ten hex digits of a JSON-able value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]


def face_set(folder: Path) -> list[Any]:
    """What tells a stored face set apart on any machine; read once a process."""
    return _face_set(folder.resolve())


@cache
def _face_set(folder: Path) -> list[Any]:
    faces = FaceSet.load(folder)
    colour = faces.images[::PICTURES].mean(axis=(0, 1, 2)).round().tolist()
    return [*identity(faces), colour]
