"""Small, atomic file writes: a reader sees the old file or the new one, never half of one."""

import csv
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fbnet.errors import BadInput


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to `path` in one step (temporary file beside it, then rename)."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text in one step."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON with sorted keys, so that equal values give equal bytes. NaN is refused."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def write_csv(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows under the union of their keys, in order of appearance."""
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())


def read_json(path: str | Path) -> Any:
    """Read JSON. Raises BadInput that names the file when it is missing or not JSON."""
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}:{error.lineno}: not valid JSON ({error.msg})") from None


def read_csv(path: str | Path) -> list[dict[str, str]]:
    """Rows of a CSV file by heading. Raises BadInput that names the file when it is missing."""
    try:
        return list(csv.DictReader(io.StringIO(Path(path).read_text())))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None


def digest(path: str | Path, algorithm: str = "sha256") -> str:
    """Hex digest of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


@contextmanager
def atomic_folder(folder: str | Path) -> Iterator[Path]:
    """A hidden folder inside `folder`, whose files move there when the block ends well.

    After an error they vanish, and so does `folder` if it is new. What lies in `folder` under
    other names stays.
    """
    folder = Path(folder)
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder))
    try:
        yield temporary
        for file in sorted(path for path in temporary.rglob("*") if path.is_file()):
            target = folder / file.relative_to(temporary)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, target)
        new = False
    finally:
        shutil.rmtree(folder if new else temporary)


def replace_folder(source: str | Path, target: str | Path) -> None:
    """Move a finished folder over `target`, whatever `target` held before."""
    target = Path(target)
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)
