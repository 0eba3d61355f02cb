"""The one exception that means: the user's input is at fault, and here is how to fix it."""

import sys
from collections.abc import Callable, Sequence

DONE, FAILED, BAD_INPUT = 0, 1, 2
"""Exit codes of all commands."""
SHOWN = 5
"""How many faults a message lists before it only counts them."""


class BadInput(ValueError):
    """Wrong params or data, noticed before work starts.

    The message is one line: what is wrong, where (file, line, key), how to fix it.
    Commands print it without a traceback and leave with exit code 2.
    """


class TrainingDiverged(ArithmeticError):
    """The loss is no longer finite; the message is one line that says what to change.

    No fault of the input: commands print it without a traceback and leave with exit code 1.
    """


def exit_code(command: str, work: Callable[[], int | None]) -> int:
    """Do the work of a command; returns its exit code: what `work` returns, 0 for None.

    2 is bad input; 1 is a training that diverged, or KeyboardInterrupt; each with one line on
    stderr. Any other exception passes through: Python prints its traceback and leaves with 1.
    """
    try:
        return work() or DONE
    except BadInput as error:
        print(f"{command}: {error}", file=sys.stderr)
        return BAD_INPUT
    except TrainingDiverged as error:
        print(f"{command}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"{command}: stopped; run it again to resume", file=sys.stderr)
        return FAILED


def listed(faults: Sequence[str]) -> BadInput:
    """One error for all `faults` (at least one) of an input, the first few of them named."""
    if len(faults) == 1:
        return BadInput(faults[0])
    rest = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
    return BadInput("; ".join([f"{len(faults)} faults: {faults[0]}", *faults[1:SHOWN], *rest]))
