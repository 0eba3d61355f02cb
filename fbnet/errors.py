"""How commands end: bad input, failures and stop signals, each with one line and an exit code."""

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

DONE, FAILED, BAD_INPUT, NO_FACE = 0, 1, 2, 3
"""Exit codes of all commands; the last is that of `fbnet predict` alone."""
SHOWN = 5
"""How many faults a message lists before it only counts them."""


class BadInput(ValueError):
    """Wrong params or data, noticed before work starts.

    The message is one line: what is wrong, where (file, line, key), how to fix it.
    Commands print it without a traceback and leave with exit code 2.
    """

    def __init__(self, message: str) -> None:
        """Keep the message in one line, whatever the names that it quotes hold."""
        super().__init__("\\n".join(message.splitlines()))


class Failure(RuntimeError):
    """The work cannot be finished, for a reason that the input is not to blame for.

    The message is one line: what happened, where, how to fix it. Commands print it without a
    traceback and leave with exit code 1.
    """


class TrainingDiverged(Failure):
    """The loss is no longer finite; the message says what to change."""


class ProcessLost(Failure):
    """Another process of the training has ended; its own message says why."""


class CannotWrite(Failure):
    """A file cannot be written: the disk is full, or its folder is closed to us."""


OF_THE_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.EMFILE, errno.ENFILE, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ENOMEM),
    *(errno.EFBIG, errno.ELOOP),
}
"""Errors of files and folders whose text says all; any other OSError may be a bug of ours."""


def exit_code(command: str, work: Callable[[], int | None], resumes: bool = True) -> int:
    """Do the work of a command; returns its exit code: what `work` returns, 0 for None.

    resumes: whether the command goes on where it was stopped when it is run again.

    2 is bad input; 1 is a `Failure`, a file or folder that the machine refuses, no memory, or a
    stop; each with one line on stderr. Any other exception passes through: Python prints its
    traceback and leaves with 1. A stop signal that came too late to stop the work counts all the
    same, and one that comes later ends the process.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names of files may hold any bytes
            stream.reconfigure(errors="backslashreplace")
    line, code = "", DONE
    try:
        code = work() or DONE
        if _signals:
            raise KeyboardInterrupt
    except BadInput as error:
        line, code = str(error), BAD_INPUT
    except Failure as error:
        line, code = str(error), FAILED
    except KeyboardInterrupt:
        line, code = "stopped; run it again to resume" if resumes else "stopped", FAILED
    except MemoryError:
        line, code = "out of memory; give it more, or lower the batch or the workers", FAILED
    except BrokenPipeError:  # `| head` has read enough
        _drop_output()
        code = FAILED
    except OSError as error:
        if error.errno not in OF_THE_MACHINE:
            raise
        if error.filename is None:  # of a print
            _drop_output()
        line, code = f"{error.filename or 'standard output'}: {error.strerror}", FAILED
    if line:
        print(f"{command}: {line}", file=sys.stderr)
    if _watched:
        for each in STOPPING:
            signal.signal(each, signal.SIG_DFL)
    return code


def _drop_output() -> None:
    """Send what is still to be printed nowhere: Python would fail once more at its exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def listed(faults: Sequence[str]) -> BadInput:
    """One error for all `faults` (at least one) of an input, the first few of them named."""
    if len(faults) == 1:
        return BadInput(faults[0])
    rest = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
    return BadInput("; ".join([f"{len(faults)} faults: {faults[0]}", *faults[1:SHOWN], *rest]))


STOPPING = [signal.SIGTERM, signal.SIGINT]
"""Signals that stop a command in an orderly way."""
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # by nohup
    STOPPING.append(signal.SIGHUP)
GRACE_S = 20.0
"""Seconds from a stop signal to the next safe point; then the process is ended without clean-up."""
_signals: list[int] = []
"""The stop signals whose handler has run."""
_came: list[int] = []
"""Those that the watching thread has seen; a handler waits until native code returns."""
_raised: list[int] = []
"""Those that a safe point has answered."""
_watched: list[int] = []
"""The pipe that wakes the watching thread."""
_at_once: list[bool] = []
"""Not empty while a signal's handler may raise."""
_grace_s: list[float] = []
"""Seconds of grace; none where the process may take as long as it likes."""
_grace: list[threading.Timer] = []
"""The timer that ends the process, from the first stop signal on."""


def stop_on_signals(grace_s: float | None = GRACE_S) -> None:
    """Let stop signals take effect at the next `safe_point`, from now to the end of the process.

    A signal's handler raises nothing: Python drops what is raised inside a finalizer or a callback
    of native code, and the stop would be lost; `stops_at_once` is the exception. Where no safe
    point comes within `grace_s`, as in a long native call, a thread ends the process, exit code 1;
    None waits for ever. All files are written in one step, so this leaves none half-written.
    """
    forget_signals()
    _grace_s[:] = [] if grace_s is None else [grace_s]
    if not _watched:
        read, write = os.pipe()
        os.set_blocking(write, False)
        _watched.append(write)
        threading.Thread(target=_watch, args=(read,), name="stop", daemon=True).start()
    signal.set_wakeup_fd(_watched[0], warn_on_full_buffer=False)
    for each in STOPPING:
        signal.signal(each, _note)


def forget_signals() -> None:
    """Take back the stop signals that have come, and the end of the process that waits on them."""
    for record in (_signals, _came, _raised):
        record.clear()
    while _grace:
        _grace.pop().cancel()


@contextmanager
def stops_at_once() -> Iterator[None]:
    """A block that a stop signal leaves by KeyboardInterrupt: for a read that may wait for ever.

    Nothing else may happen in it, see `stop_on_signals`.
    """
    _at_once.append(True)
    try:
        safe_point()
        yield
    finally:
        _at_once.pop()


def _note(signum: int, frame: FrameType | None) -> None:
    _signals.append(signum)
    if _at_once:
        safe_point()


def _watch(read: int) -> None:
    """Read stop signals' numbers from the pipe, and have the process ended after the grace."""
    while True:
        came = [number for number in os.read(read, 64) if number in STOPPING]
        if came and not _came and _grace_s:
            timer = threading.Timer(_grace_s[0], _end, list(_grace_s))
            timer.daemon = True
            _grace.append(timer)
            timer.start()
        _came.extend(came)


def _end(grace_s: float) -> None:
    """End the process without clean-up."""
    os.write(2, f"stopped after {grace_s:.3g} s without a safe point\n".encode())
    os._exit(FAILED)


def stop_requested() -> bool:
    """Whether a stop signal has come."""
    return bool(_signals)


def safe_point() -> None:
    """Raise KeyboardInterrupt where a stop signal has come: here the work can be left.

    Once: what cleans up meanwhile passes its own safe points. Costs nothing (30 ns).
    """
    if _signals and not _raised:
        _raised.extend(_signals)
        raise KeyboardInterrupt
