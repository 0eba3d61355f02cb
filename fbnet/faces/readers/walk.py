"""The files below a folder as people leave them: links, loops, traces of their systems."""

import os
import posixpath
import unicodedata
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

from fbnet.files import is_plain, printable

TRACES = {
    "__macosx": "a trace of macOS",
    "thumbs.db": "a trace of Windows",
    "desktop.ini": "a trace of Windows",
    "$recycle.bin": "a trace of Windows",
    "system volume information": "a trace of Windows",
    "@eadir": "a trace of a NAS",
}
"""Names, in lower case, that systems leave in folders."""


def walk(root: Path) -> Iterator[tuple[str, str]]:
    """(path within `root`, with forward slashes; "" or why it is left aside) of every file.

    Links to folders are followed, each folder is entered once, and folders that are not linked
    come first. What is left aside whole, such as a folder that cannot be read, ends in a slash.
    """
    waiting, linked, entered = deque([""]), deque[str](), set[tuple[int, int]]()
    while waiting or linked:
        folder = waiting.popleft() if waiting else linked.popleft()
        try:
            status = os.stat(root / folder)
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError as error:
            yield f"{printable(folder)}/", f"cannot be read ({error.strerror})"
            continue
        if (status.st_dev, status.st_ino) in entered:
            yield f"{printable(folder)}/", "a link to a folder that is read already"
            continue
        entered.add((status.st_dev, status.st_ino))
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if reason := _trace(entry.name):
                yield printable(name), reason
            elif os.path.isdir(entry.path):
                (linked if entry.is_symlink() else waiting).append(name)
            elif reason := _fault(entry, name):
                yield printable(name), reason
            else:
                yield name, ""


def folders(root: Path, depth: int) -> Iterator[Path]:
    """`root` and the folders in it, `depth` deep, where an archive may have put a data set."""
    level, entered = [root], set[Path]()
    for _ in range(depth + 1):
        level = [folder for folder in level if folder.resolve() not in entered]
        entered.update(folder.resolve() for folder in level)
        yield from level
        level = [inner for folder in level for inner in _inside(folder)]


def _inside(folder: Path) -> list[Path]:
    """The folders in `folder`, sorted; none where it cannot be read."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if os.path.isdir(entry.path))
    except OSError:
        return []
    return [folder / name for name in names if not _trace(name)]


def _trace(name: str) -> str:
    """Why a file or folder of this name is none of the data set's; "" where it may be."""
    hidden = "a trace of macOS" if name.startswith("._") or name == ".DS_Store" else "hidden"
    return hidden if name.startswith(".") else TRACES.get(name.lower(), "")


def _fault(entry: os.DirEntry[str], name: str) -> str:
    """Why what is no folder cannot be read as a file; "" where it can. name: within the root."""
    if not os.path.isfile(entry.path):
        return BROKEN_LINK if entry.is_symlink() else NO_FILE
    return "" if is_plain(name) else NOT_PLAIN


BROKEN_LINK, NO_FILE = "a broken link", "no regular file"
NOT_PLAIN = "its path is not UTF-8, or holds a control character; rename it"


class Files:
    """The files below `root`, sorted.

    names: paths within `root`, with forward slashes. left_aside: those that are no part of the
    data set, with the reason. Suffixes are compared without regard to case.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: list[str] = []
        self.left_aside: dict[str, str] = {}
        for name, reason in walk(root):
            if reason:
                self.left_aside[name] = reason
            else:
                self.names.append(name)
        self.names.sort()
        self._used = bytearray(len(self.names))

    def use(self, name: str) -> None:
        """Note that a face came from this file, a picture or its label."""
        if (at := self._index(name)) is not None:
            self._used[at] = True

    def use_label(self, origin: str) -> None:
        """Note that a face came from the file that `origin` ("file:place") begins with."""
        parts = origin.split(":")
        starts = (":".join(parts[:count]) for count in range(1, len(parts)))
        self.use(next((name for name in starts if self._index(name) is not None), ""))

    def is_used(self, name: str) -> bool:
        """Whether a face came from the file."""
        at = self._index(name)
        return at is not None and bool(self._used[at])

    def _index(self, name: str) -> int | None:
        at = bisect_left(self.names, name)
        return at if at < len(self.names) and self.names[at] == name else None

    def ending(self, *suffixes: str) -> list[str]:
        """The names that end in one of `suffixes`, which are in lower case."""
        return [name for name in self.names if name.lower().endswith(suffixes)]

    @cached_property
    def _by_key(self) -> dict[str, str]:
        return {_key(name): name for name in reversed(self.names)}

    @cached_property
    def _by_last_part(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.names:
            found.setdefault(_key(PurePosixPath(name).name), []).append(name)
        return found

    def find(self, name: str) -> str | None:
        """The file of this name within `root`, case aside if there is none that agrees in it.

        So is the form of its letters: macOS takes an accent for a character of its own.
        """
        if ".." in PurePosixPath(name).parts:
            return None
        if not name.startswith("/") and (self.root / name).is_file():
            return PurePosixPath(name).as_posix()
        return self._by_key.get(_key(PurePosixPath(name).as_posix()))

    def find_tail(
        self, name: str, starts: tuple[str, ...] = ("",), anywhere: bool = False
    ) -> str | None:
        """The file that a list names, wherever the list was written.

        name: with slashes or back-slashes, absolute or with a drive letter, of another machine or
        not. It counts from one of the folders `starts` of `root`, also upwards; else its longest
        tail that is a file below one of these; else, if `anywhere`, the only file of its last part.
        """
        name = name.strip("\"'").replace("\\", "/")
        parts = [part for part in name.split("/") if part != "."]
        if ".." in parts:
            for start in starts:
                if path := self.find(posixpath.normpath(f"{start}/{name}" if start else name)):
                    return path
        for first in range(len(parts)):
            tail = "/".join(parts[first:])
            for start in starts:
                if tail and (path := self.find(f"{start}/{tail}" if start else tail)):
                    return path
        named = self._by_last_part.get(_key(parts[-1]), []) if anywhere and parts else []
        return named[0] if len(named) == 1 else None


def _key(name: str) -> str:
    """What names have in common that differ in case or in the form of their letters."""
    return unicodedata.normalize("NFC", name).lower()
