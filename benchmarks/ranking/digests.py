"""Short names for what a result hangs on."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from fbnet.files import digest


def short(value: Any) -> str:
    """Ten hex digits of a JSON-able value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]


def contents(folder: Path) -> tuple[str, ...]:
    """Digest of each file of a folder, by name; read once a process."""
    return _contents(folder.resolve())


@cache
def _contents(folder: Path) -> tuple[str, ...]:
    return tuple(digest(file) for file in sorted(folder.iterdir()) if file.is_file())
