"""A table of implementations by name: one a concept, open to additions from outside."""

import difflib
import importlib
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from fbnet.errors import BadInput

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Implementations of one concept by the name that params and commands use.

    An entry is the implementation, or "module:attribute", which is imported when it is first asked
    for: names are listed and checked without torch or an engine. `register` adds one from outside.
    """

    def __init__(self, concept: str, entries: Mapping[str, T | str]) -> None:
        """`concept` is the word that error messages use, such as "loss"."""
        self.concept = concept
        self._entries = dict(entries)

    def register(self, name: str, entry: T | str) -> None:
        """Add an entry. Raises ValueError for a name that is taken."""
        if name in self._entries:
            raise ValueError(f"{self.concept} {name!r} exists already; choose another name")
        self._entries[name] = entry

    def check(self, name: str) -> str:
        """`name`, if it is known; for validators. Raises BadInput that lists the known names."""
        if name not in self._entries:
            close = difflib.get_close_matches(name, self._entries, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise BadInput(
                f"unknown {self.concept} {name!r}; {hint}known: {', '.join(self._entries)}"
            )
        return name

    def __getitem__(self, name: str) -> T:
        entry = self._entries[self.check(name)]
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            entry = self._entries[name] = getattr(importlib.import_module(module), attribute)
        return entry

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
