"""How every figure looks, and how it is written: equal data give equal bytes.

Matplotlib's object interface: no window, no global state; the library is imported late.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fbnet.files import write_bytes

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.edgecolor": "#888888",
    "axes.labelcolor": "#333333",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}
PAGE = 8.0
"""Width of a figure in inches."""
INK, QUIET, ACCENTS = "#333333", "#b8b8b8", ("#1f6fb4", "#d1690e", "#2f8f5b", "#a03c78")
TRUE, PREDICTED = "#00e5ff", "#ff2fb9"


@contextmanager
def figure(
    path: str | Path, height: float, rows: int = 1, columns: int = 1, dpi: int = 120, **layout: Any
) -> Iterator[tuple[Any, Any]]:
    """Yield a page-wide figure of `height` inches and its axes [rows, columns]; then write it."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        drawn = Figure(figsize=(PAGE, height), dpi=dpi, layout="constrained")
        yield drawn, drawn.subplots(rows, columns, squeeze=False, **layout)
        save(drawn, path)


def save(drawn: Any, path: str | Path) -> None:
    """Write a figure as PNG in one step."""
    stream = io.BytesIO()
    # Without the library's version the bytes depend on the figure alone.
    drawn.savefig(stream, format="png", metadata={"Software": None})
    write_bytes(path, stream.getvalue())
