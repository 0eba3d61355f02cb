"""The one exception that means: the user's input is at fault, and here is how to mend it."""


class BadInput(ValueError):
    """Wrong params or data, found before work starts.

    The message is one line: what is wrong, where (file, line, key), how to mend it.
    Commands and stages print it without a traceback and leave with exit code 2.
    """
