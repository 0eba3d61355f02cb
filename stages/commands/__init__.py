"""The commands of `fbnet`, by subject: a function declares arguments and returns what it does."""

from argparse import Namespace
from collections.abc import Callable

Command = Callable[[Namespace], int | None]
"""Does the work and returns an exit code, None being 0; imports what it needs when it is called, so
that `--help` answers at once."""
