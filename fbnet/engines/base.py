"""What the table says of an engine, and what all engines' files share.

A kit carries this module and its engines' files to a device: at the top they import numpy, the
standard library, `fbnet.errors` and this module only; what converters need is imported where used.
"""

import importlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from fbnet.errors import BadInput, Failure

Model = Mapping[str, bytes]
"""The bytes of a model's files by suffix, such as {".param": ..., ".bin": ...}."""
Session = Callable[[np.ndarray], np.ndarray]
"""A loaded model: float32 [N, C, H, W] in, its first output float32 out."""
FULL = "fp32"
"""The precision that every engine offers: weights and arithmetic in 32 bits."""
SYSTEMS = {"darwin": "macOS", "linux": "Linux", "win32": "Windows"}
"""`sys.platform` -> what people call it."""


class ConversionError(Failure):
    """A converter did not write the files it was asked for."""


class CannotOpen(BadInput):
    """An engine does not take a model."""


class NotInstalled(BadInput):
    """An engine or its converter is not there."""


@dataclass(frozen=True)
class BenchmarkProgram:
    """An engine's own benchmark program, which a kit runs on devices without Python."""

    name: str
    """Name of its file."""
    command: str
    """Shell line that runs it. Variables: program, models (folder), loops, warmup, threads; and of
    one model name (its files' stem), width, height, channels."""
    latencies: Mapping[str, float]
    """Regular expression of a line whose last group is the latency -> its unit in milliseconds.
    Of the expressions that match a model's output, the first counts."""
    names_models: bool = False
    """Whether the first group names the model's file; else the kit prints the name before a run."""
    sums_runs: bool = False
    """Whether the latency is that of all runs together, whose number is the first group."""
    runs_folder: bool = False
    """Whether one call runs all models of the folder; else it is called once a model."""
    times: str = ""
    """The engine that it times, where that is another than the one whose files it reads."""


class Implementation(Protocol):
    """What the file of an engine defines."""

    def convert(self, data: bytes, precision: str, calibration: np.ndarray | None) -> Model:
        """See `Engine.convert`."""

    def open_session(self, engine: Any, model: Model, threads: int, output: str = "") -> Session:
        """Load a model by `engine`, the imported module. Raises `cannot_open`.

        output: see `Engine.open`; it is given where a model has several only.
        """


@dataclass(frozen=True)
class Engine:
    """An inference engine for the CPU; neither it nor its file is imported before it is used."""

    name: str
    """Name in params, commands and results."""
    distribution: str
    """What `pip install` calls it."""
    module: str
    """What Python imports."""
    implementation: str
    """Module that converts to it and opens its models: an `Implementation`."""
    suffixes: tuple[str, ...]
    """Suffixes of the files that make up a model."""
    precisions: Mapping[str, str] = field(default_factory=lambda: {FULL: ""})
    """Precision (fp32, fp16, int8) -> what has it."""
    max_batch: int | None = None
    """Most inputs of one call; None sets no limit."""
    programs: tuple[BenchmarkProgram, ...] = ()
    """Its own benchmark programs, where a kit knows any."""
    converter: str = ""
    """Program that converts to it, where that needs an environment of its own."""
    system: str = ""
    """The `sys.platform` that alone runs its models; empty sets no limit."""

    @property
    def runs_here(self) -> bool:
        """Whether this system can run its models, once it is installed."""
        return self.system in ("", sys.platform)

    def require_here(self) -> None:
        """Raise BadInput where another system alone runs its models."""
        if not self.runs_here:
            system = SYSTEMS[self.system]
            raise BadInput(f"{self.name} runs on {system} only; choose another engine")

    @property
    def installed(self) -> bool:
        """Whether the engine, and the program that converts to it, are there."""
        absent = self.converter and find_program(self.converter) is None
        return find_module(self.module) is not None and not absent

    def converter_program(self) -> str:
        """Path of the program `converter`. Raises NotInstalled where it is not there."""
        program = find_program(self.converter)
        if program is None:
            raise NotInstalled(
                f"converter {self.converter} is not installed here; `make tflite-env` does that "
                "where there is Python 3.12 or newer"
            )
        return program

    def convert(
        self, data: bytes, precision: str = FULL, calibration: np.ndarray | None = None
    ) -> dict[str, bytes]:
        """The bytes of an ONNX net as a model of this engine; equal arguments give equal bytes.

        An input whose batch size is open becomes one of a single face where the engine needs a
        fixed size. calibration: inputs float32 [n, 3, S, S] over which int8 activations take their
        ranges. Raises BadInput where the converter is not installed, ConversionError where it
        cannot convert the net.
        """
        return dict(self._implementation().convert(data, precision, calibration))

    def open(self, model: Model, threads: int = 1, output: str = "") -> Session:
        """Load a model to run with `threads` threads.

        output: which one the session gives, by its name in the ONNX net; the only one by default.
        Raises BadInput when the engine is not installed or runs on another system only, a file is
        missing, or the engine cannot read them.
        """
        self.require_here()
        missing = [suffix for suffix in self.suffixes if suffix not in model]
        if missing:
            files = " + ".join(self.suffixes)
            raise BadInput(f"{self.name}: a model is {files}; {missing} is not there")
        try:
            with quiet():  # MNN prints what the processor can do
                engine = importlib.import_module(self.module)
        except ImportError:
            raise self._not_installed() from None
        if not getattr(engine, "__file__", None):  # a mere folder of that name on the path
            raise self._not_installed()
        chosen = {"output": output} if output else {}
        return self._implementation().open_session(engine, model, threads, **chosen)

    def version(self) -> str:
        """Version of the installed distribution. Raises BadInput when there is none."""
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            raise self._not_installed() from None

    def _implementation(self) -> Implementation:
        implementation: Any = importlib.import_module(self.implementation)
        return implementation

    def _not_installed(self) -> NotInstalled:
        return NotInstalled(
            f"engine {self.name} is not installed here; pip install {self.distribution}, or choose "
            "another engine"
        )


@dataclass(frozen=True)
class Variant:
    """One form of the exported net: a model of one engine in one precision."""

    engine: Engine
    precision: str

    @property
    def name(self) -> str:
        """Name in `export.variants` and in results: the engine's, with a precision below fp32."""
        return self.engine.name + ("" if self.precision == FULL else f"_{self.precision}")

    def files(self, folder: Path) -> dict[str, Path]:
        """Its files by suffix in a folder of variants: FOLDER/ENGINE/subnet[_PRECISION]SUFFIX."""
        stem = "subnet" if self.precision == FULL else f"subnet_{self.precision}"
        place = folder / self.engine.name
        return {suffix: place / f"{stem}{suffix}" for suffix in self.engine.suffixes}


def cannot_open(engine: str, reason: str) -> CannotOpen:
    """The error for a model that an engine does not take."""
    return CannotOpen(f"{engine} cannot open the model ({reason}); it is broken or of another kind")


def output_place(engine: str, output: str, given: Sequence[str]) -> int:
    """Where an output stands among those that a model gives; "" is the first.

    Raises CannotOpen where the model has no such output.
    """
    if output not in ("", *given):
        raise CannotOpen(f"{engine}: the model has no output {output!r}; it has {', '.join(given)}")
    return given.index(output) if output else 0


def ranged(calibration: np.ndarray | None) -> np.ndarray:
    """The calibration inputs, which int8 cannot do without."""
    if calibration is None:
        raise ValueError("int8 takes the ranges of its activations over calibration inputs")
    return calibration


def fixed_batch(data: bytes, batch: int) -> bytes:
    """An ONNX net for `batch` inputs at once, where its file leaves their number open."""
    import onnx

    model = onnx.load_from_string(data)
    for value in (*model.graph.input, *model.graph.output):
        first = value.type.tensor_type.shape.dim[0]
        if first.dim_param:
            first.dim_value = batch
    return bytes(model.SerializeToString(deterministic=True))


def input_shape(data: bytes) -> tuple[int, ...]:
    """Shape of the first input of an ONNX net; sizes that it leaves open are 1."""
    import onnx

    value = onnx.load_from_string(data).graph.input[0]
    return tuple(dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim)


def output_names(data: bytes) -> list[str]:
    """Names of the outputs of an ONNX net, in order."""
    import onnx

    return [value.name for value in onnx.load_from_string(data).graph.output]


def converter_file(distribution: str, module: str) -> Path:
    """Where a converter's module lies; it is not imported, since that may be slow.

    Raises NotInstalled where the distribution is not there.
    """
    spec = find_module(module)
    if spec is None or spec.origin is None:
        raise NotInstalled(
            f"converter {distribution} is not installed here; pip install {distribution}"
        )
    return Path(spec.origin)


def find_module(name: str) -> ModuleSpec | None:
    """What would be imported by this name, None where it or its package is not there."""
    try:
        return find_spec(name)
    except ModuleNotFoundError:  # of the package that it lies in
        return None


def find_program(name: str) -> str | None:
    """The path of a program that lies beside this Python or on the path, if any."""
    beside = Path(sys.executable).parent
    return shutil.which(name, path=os.pathsep.join([str(beside), os.environ.get("PATH", "")]))


def first_line(error: Exception) -> str:
    """What an engine says of a model that it does not take, as one line."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def run_converter(name: str, command: Sequence[str], outputs: Sequence[Path]) -> None:
    """Run a converter in the folder of its output files, as a process of its own.

    Converters print much, and a net that one cannot take may end its process. Raises
    ConversionError with its last line where it fails or leaves a file out.
    """
    done = subprocess.run(
        command, cwd=outputs[0].parent, capture_output=True, text=True, errors="replace"
    )
    if done.returncode or not all(path.is_file() for path in outputs):
        lines = (done.stdout + done.stderr).strip().splitlines() or ["it printed nothing"]
        raise ConversionError(f"{name} cannot convert the net: {lines[-1]}")


QUIET = threading.RLock()
"""Held by the thread that keeps the process quiet."""


@contextmanager
def quiet() -> Iterator[None]:
    """Drop Python's warnings, and what native code prints to the process's stdout and stderr.

    One thread at a time: the streams are those of the whole process.
    """
    with QUIET:
        sys.stdout.flush()
        sys.stderr.flush()
        kept = [os.dup(1), os.dup(2)]
        sink = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            # Some native code writes by way of Python's own streams.
            with (
                open(os.devnull, "w") as null,
                redirect_stdout(null),
                redirect_stderr(null),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")
                yield
        finally:
            for place, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, place)
                os.close(copy)
            os.close(sink)
