"""The one exception that means: the user's input is at fault, and here is how to mend it."""

import sys
from collections.abc import Callable, Sequence


class BadInput(ValueError):
    """Wrong params or data, found before work starts.

    The message is one line: what is wrong, where (file, line, key), how to mend it.
    Commands and stages print it without a traceback and leave with exit code 2.
    """


def exit_code(command: str, work: Callable[[], object]) -> int:
    """Do the work of a command: 0 done, 2 bad input, said in one line on stderr."""
    try:
        work()
    except BadInput as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 2
    return 0


SHOWN = 5
"""How many faults a message lists before it only counts them."""


def listed(faults: Sequence[str]) -> BadInput:
    """One error for all `faults` (at least one) of an input, the first few of them named."""
    if len(faults) == 1:
        return BadInput(faults[0])
    rest = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
    return BadInput("; ".join([f"{len(faults)} faults: {faults[0]}", *faults[1:SHOWN], *rest]))
