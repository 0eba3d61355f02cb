"""Files in and out: readers that bound what they take, writes that are atomic.

A reader sees the old file or the new one, never half of one.
"""

import codecs
import csv
import ctypes
import hashlib
import io
import json
import math
import os
import re
import shutil
import stat
import sys
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from fbnet.errors import BadInput, CannotWrite, listed

LARGEST = 64 * 2**20
"""Bytes that a file which is read whole may have, unless its reader says otherwise."""
TEMPORARY = ".tmp"
"""Ending of files that are being written."""
LONGEST_LINE = 64 * 2**10
"""Characters that a line of a list may have."""
LONGEST_NAME = 200
"""Bytes of a file's name to which something can be added; most systems take 255 in all."""
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
"""What a text file may start with, and its encoding; UTF-32's marks begin as UTF-16's do."""
T = TypeVar("T")


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """What writes to `path`: an OSError of it becomes CannotWrite, with the file and the reason."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise CannotWrite(f"{printable(path)}: cannot be written ({reason})") from None


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to `path` in one step (temporary file beside it, then rename).

    Raises CannotWrite; then `path` is as it was, and nothing is left beside it.
    """
    path = Path(path)
    temporary = path.with_name(f".{short(path.name)}.{os.getpid()}{TEMPORARY}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb") as stream:
                stream.write(data)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def short(name: str) -> str:
    """A file's name, or in place of one near the longest that systems take, digits for it."""
    data = os.fsencode(name)
    return name if len(data) <= LONGEST_NAME else hashlib.sha256(data).hexdigest()


def remove_abandoned(folder: str | Path) -> None:
    """Remove the temporary files in `folder` of processes that were killed while writing."""
    for path in Path(folder).glob(f".*{TEMPORARY}"):
        match = re.search(rf"\.(\d+){re.escape(TEMPORARY)}$", path.name)
        if match and not is_alive(int(match[1])):
            path.unlink(missing_ok=True)


def is_alive(process: int) -> bool:
    """Whether a process of this id runs on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text in one step."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON with sorted keys, so that equal values give equal bytes. NaN is refused."""
    stream = io.BytesIO()  # not dumps, which keeps an object for each name and number
    for piece in json.JSONEncoder(indent=1, sort_keys=True, allow_nan=False).iterencode(value):
        stream.write(piece.encode())
    stream.write(b"\n")
    write_bytes(path, stream.getvalue())


def write_csv(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows under the union of their keys, in order of appearance."""
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())


def is_plain(name: str) -> bool:
    """Whether a name is UTF-8 of one line without control characters, visible or not."""
    try:
        os.fsencode(name).decode()
    except UnicodeDecodeError:
        return False
    return not any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in name)


def printable(path: str | Path) -> str:
    """A path for messages: bytes that are not UTF-8 escaped, and line breaks too."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@contextmanager
def reading(path: str | Path, limit: int = LARGEST) -> Iterator[BinaryIO]:
    """A file of at most `limit` bytes, opened for reading.

    Raises BadInput that names the file when it is missing, a folder, neither of them (a fifo is
    not waited for), not readable, or larger.
    """
    name = printable(path)
    if "\0" in str(path):
        raise BadInput(f"{name}: holds a NUL byte, so it names no file")
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise BadInput(f"{name}: is a folder; name a file")
        if not stat.S_ISREG(status.st_mode):
            raise BadInput(f"{name}: is no regular file; name a file")
        if status.st_size > limit:
            raise BadInput(
                f"{name}: has {status.st_size:,} bytes where at most {limit:,} "
                "are read; is it the right file?"
            )
        with open(path, "rb") as stream:
            yield stream
    except FileNotFoundError:
        raise BadInput(f"{name}: no such file") from None
    except OSError as error:
        raise BadInput(f"{name}: cannot be read ({error.strerror})") from None


def read_bytes(path: str | Path, limit: int = LARGEST) -> bytes:
    """The bytes of a file. Raises BadInput as `reading` does."""
    with reading(path, limit) as stream:
        return stream.read()


def read_text(path: str | Path, limit: int = LARGEST) -> str:
    """The text of a file in UTF-8, or in UTF-16 or 32 with a byte order mark; CRLF becomes LF.

    Raises BadInput as `read_bytes` does, and with the line for what is no text.
    """
    data = read_bytes(path, limit)
    encoding = _encoding(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInput(
            f"{printable(path)}:{line}: not a text file in UTF-8 (byte {error.start} is "
            f"0x{data[error.start]:02x}); save it as UTF-8"
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise BadInput(
            f"{printable(path)}:{line}: not a text file (NUL bytes); save it as UTF-8 or write it "
            "again"
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encoding(head: bytes) -> str:
    """The encoding of text that starts with these bytes."""
    return next((name for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), "utf-8")


def read_lines(path: str | Path, limit: int = LARGEST) -> list[str]:
    """The lines of a text file. Raises BadInput as `each_line` does."""
    return list(each_line(path, limit))


def each_line(path: str | Path, limit: int = LARGEST) -> Iterator[str]:
    """The lines of a text file without their ends, one in memory at a time.

    Raises BadInput as `read_text` does, and for a line of more than `LONGEST_LINE` characters.
    """
    with reading(path, limit) as stream:
        encoding = _encoding(stream.read(4))
        stream.seek(0)
        text = io.TextIOWrapper(stream, encoding)
        number = 0
        try:
            while line := text.readline(LONGEST_LINE + 2):
                number += 1
                line = line.removesuffix("\n")
                if len(line) > LONGEST_LINE:
                    raise BadInput(
                        f"{printable(path)}:{number}: a line of more than {LONGEST_LINE:,} "
                        "characters; is a line break missing?"
                    )
                if "\0" in line:
                    raise UnicodeError
                yield line
        except UnicodeError:
            read_text(path, limit)  # says where it is no text
            raise


def read_json(path: str | Path, limit: int = LARGEST) -> Any:
    """Read JSON. Raises BadInput as `read_text` does, and with the line when it is not JSON."""
    text, name = read_text(path, limit), printable(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"{name}:{error.lineno}: not valid JSON ({error.msg})") from None
    except RecursionError:
        raise BadInput(f"{name}: not valid JSON (nested too deep)") from None
    except ValueError as error:  # a whole number of thousands of digits
        raise BadInput(f"{name}: not valid JSON ({error})") from None


def read_csv(path: str | Path, limit: int = LARGEST) -> list[dict[str, str]]:
    """Rows of a CSV file by heading, as `csv_rows` reads them."""
    return [row for _, row in csv_rows(path, limit)]


def csv_rows(path: str | Path, limit: int = LARGEST) -> list[tuple[str, dict[str, str]]]:
    """("file:line", row by heading) of a CSV file. Raises BadInput as its two steps do."""
    return parse_csv(read_text(path, limit), printable(path))


def parse_csv(text: str, name: str) -> list[tuple[str, dict[str, str]]]:
    """("name:line", row by heading) of CSV text with commas, or semicolons or tabs.

    Which of them it is, the headings show. A first line such as `sep=;`, which spreadsheets write
    and read, is passed over. Raises BadInput with the line for a row that does not fit the
    headings.
    """
    if text[:4].lower() == "sep=":
        text = "\n" + text.partition("\n")[2]
    heading = next((line for line in text.split("\n") if line.strip()), "")
    separator = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    rows: list[tuple[str, dict[str, str]]] = []
    names: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = [cell.strip() for cell in cells]
                continue
            if len(cells) != len(names):
                raise BadInput(
                    f"{name}:{reader.line_num}: {len(cells)} cells under {len(names)} headings"
                )
            row = dict(zip(names, cells, strict=True))
            rows.append((f"{name}:{reader.line_num}", row))
    except csv.Error as error:
        raise BadInput(f"{name}:{reader.line_num}: not valid CSV ({error})") from None
    return rows


def number(text: str, where: str) -> float:
    """A finite number, its decimal point perhaps a comma. Raises BadInput that quotes `text`."""
    try:
        value = float(text)
    except ValueError:
        try:
            value = float(text.replace(",", ".")) if text.count(",") == 1 else math.nan
        except ValueError:
            value = math.nan
    if not math.isfinite(value):
        raise BadInput(f"{where} is {text[:40]!r}; write a finite number")
    return value


def validated(kind: type[T], value: Any, where: str) -> T:
    """`value` as the pydantic model, or other type, `kind`.

    Raises one BadInput that names `where`, key and reason of all that does not fit.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        faults = []
        for problem in error.errors(include_url=False):
            key = ".".join(map(str, problem["loc"]))
            if problem["type"] == "missing":
                faults.append(f"{where}: {key} is missing")
                continue
            shown = repr(problem["input"])
            reason = problem["msg"].removeprefix("Value error, ")
            faults.append(
                f"{where}{f': {key}' if key else ''} is {shown[:40]}: "
                f"{reason[0].lower()}{reason[1:]}"
            )
        raise listed(faults) from None


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
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder))
    try:
        yield temporary
        for file in sorted(path for path in temporary.rglob("*") if path.is_file()):
            target = folder / file.relative_to(temporary)
            with writing(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, target)
        new = False
    finally:
        shutil.rmtree(folder if new else temporary, ignore_errors=True)


def replace_folder(source: str | Path, target: str | Path) -> None:
    """Put a finished folder in the place of `target`, whatever `target` held before.

    In one step where the system exchanges two names (Linux); elsewhere `target` is missing for a
    moment. Raises CannotWrite.
    """
    source, target = Path(source), Path(target)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            os.replace(source, target)
        elif target.is_dir() and _exchange(source, target):
            shutil.rmtree(source)
        else:
            old = Path(tempfile.mkdtemp(prefix=".", dir=target.parent)) / target.name
            os.replace(target, old)
            os.replace(source, target)
            shutil.rmtree(old.parent)


@contextmanager
def new_folder(folder: str | Path) -> Iterator[Path]:
    """A temporary folder that takes the place of `folder` when the block ends well.

    Where `folder` is a link, what it leads to is replaced. Raises BadInput for a `folder` without a
    name of its own, such as `.`, and CannotWrite.
    """
    if Path(folder).name in ("", ".."):
        raise BadInput(f"{folder}: cannot be replaced as a whole; name a folder below it")
    target = Path(os.path.realpath(folder))
    temporary = target.with_name(f".{target.name}.new")
    with writing(target):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
    try:
        yield temporary
        replace_folder(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""Constants of Linux's renameat2."""


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders in one step; whether the system can."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    if rename is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(rename(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0)
