"""What an engine is, and what all of them share."""

import importlib
import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fbnet.errors import BadInput

Model = Mapping[str, bytes]
"""The bytes of a model's files by suffix."""
Session = Callable[[np.ndarray], np.ndarray]
"""A loaded model: float32 [N, C, H, W] in, its first output float32 out."""


@dataclass(frozen=True)
class Engine:
    """An inference engine from a wheel; `wheel` is imported when a model is opened, not before."""

    name: str
    """As params and results call it."""
    wheel: str
    """The module to import, and the distribution that brings it."""
    suffixes: tuple[str, ...]
    """Of the files that make up a model."""
    batched: bool
    """Whether one call takes several inputs."""
    _open: Callable[[Any, Model, int], Session]

    def open(self, model: Model, threads: int = 1) -> Session:
        """Load a model to run with `threads` threads.

        Raises BadInput when the wheel is missing, a file is, or the engine cannot read them.
        """
        missing = [suffix for suffix in self.suffixes if suffix not in model]
        if missing:
            raise BadInput(
                f"{self.name}: a model is {' + '.join(self.suffixes)}; {missing} is not there"
            )
        return self._open(self._module(), model, threads)

    def version(self) -> str:
        """Of the wheel. Raises BadInput when it is not installed."""
        try:
            return importlib.metadata.version(self.wheel)
        except importlib.metadata.PackageNotFoundError:
            raise self._not_installed() from None

    def _module(self) -> Any:
        try:
            with quiet():  # MNN prints what the processor can do
                return importlib.import_module(self.wheel)
        except ImportError:
            raise self._not_installed() from None

    def _not_installed(self) -> BadInput:
        return BadInput(
            f"engine {self.name}: the wheel {self.wheel} is not installed here; "
            f"pip install {self.wheel}, or choose another of the engines"
        )


def read_model(path: str | Path, suffixes: tuple[str, ...]) -> dict[str, bytes]:
    """The model whose first file is `path`, its others being of the same name.

    Raises BadInput naming the file that is missing.
    """
    files = {suffix: Path(path).with_suffix(suffix) for suffix in suffixes}
    try:
        return {suffix: file.read_bytes() for suffix, file in files.items()}
    except FileNotFoundError as error:
        raise BadInput(f"{error.filename}: no such file; run the export stage") from None


def cannot_read(engine: str, reason: str) -> BadInput:
    """The error for a model that an engine does not take."""
    return BadInput(f"{engine} cannot open the model ({reason}); convert it from ONNX again")


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what native code prints to the process's own stdout and stderr."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        yield
    finally:
        for place, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, place)
            os.close(copy)
        os.close(sink)
