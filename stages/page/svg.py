"""Charts as geometry: numbers in, coordinates and path data out; a template makes SVG of it.

The drawing is small (units near CSS pixels on a phone), so that text stays legible there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

WIDTH, HEIGHT = 360, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 24, 40
NICE = (1, 2, 2.5, 5, 10)
LEAST_TICKS = 2

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Points (x, y) under one name. kind: line, step or dots; style: a CSS class."""

    name: str
    points: Sequence[Point]
    style: str
    kind: str = "line"
    labels: Sequence[str] = ()
    """What each point says of itself when it is pointed at."""
    legend: bool = True


@dataclass(frozen=True)
class Axis:
    """Ends of an axis in the data's unit, and how a tick is written."""

    label: str
    low: float
    high: float
    form: Callable[[float], str] = "{:g}".format
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value stands, 0 at the low end, 1 at the high one."""
        low, high, at = (log10(v) if self.log else v for v in (self.low, self.high, value))
        return (at - low) / (high - low)

    def ticks(self) -> list[float]:
        """Three to six round values between the ends."""
        powers = _log_ticks(self.low, self.high) if self.log else []
        return powers if len(powers) > LEAST_TICKS else _ticks(self.low, self.high)


@dataclass(frozen=True)
class Chart:
    """All that the template draws. Pairs are (position, text)."""

    title: str
    x_label: str
    y_label: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    guides: list[tuple[float, str]]
    drawn: list["Drawn"]
    legend: list[tuple[str, str]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True)
class Drawn:
    """A series in drawing units: a path, or dots (x, y, text)."""

    style: str
    path: str
    dots: list[tuple[float, float, str]]


def chart(
    title: str, x: Axis, y: Axis, series: Sequence[Series], guides: Sequence[float] = ()
) -> Chart:
    """Lay out `series`; `guides` are values of x marked by a line."""

    def across(value: float) -> float:
        return round(LEFT + x.share(value) * (WIDTH - LEFT - RIGHT), 1)

    def up(value: float) -> float:
        return round(HEIGHT - BOTTOM - y.share(value) * (HEIGHT - TOP - BOTTOM), 1)

    return Chart(
        title=title,
        x_label=x.label,
        y_label=y.label,
        x_ticks=[(across(v), x.form(v)) for v in x.ticks()],
        y_ticks=[(up(v), y.form(v)) for v in y.ticks()],
        guides=[(across(v), x.form(v)) for v in guides],
        drawn=[_draw(s, [(across(a), up(b)) for a, b in s.points]) for s in series],
        legend=[(s.style, s.name) for s in series if s.legend],
    )


def _draw(series: Series, at: list[Point]) -> Drawn:
    if series.kind == "dots":
        labels = series.labels or [""] * len(at)
        return Drawn(series.style, "", [(*p, text) for p, text in zip(at, labels, strict=True)])
    return Drawn(series.style, path(at, series.kind == "step"), [])


def path(at: Sequence[Point], step: bool = False) -> str:
    """Path data through the points; `step` keeps each height until the next point."""
    parts: list[str] = []
    for x, y in at:
        if step and parts:
            parts.append(f"H{x:g}")
        parts.append(f"{'L' if parts else 'M'}{x:g} {y:g}")
    return "".join(parts)


def span(values: Sequence[float], pad: float = 0.06) -> tuple[float, float]:
    """Ends of an axis that holds the values with some room, also where all are equal."""
    low, high = min(values), max(values)
    room = pad * (high - low) or pad * abs(high) or 1.0
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / 4
    power = 10 ** floor(log10(rough))
    step = next(n * power for n in NICE if n * power >= rough * 0.999)
    count = floor(high / step + 1e-9) - ceil(low / step - 1e-9)
    first = ceil(low / step - 1e-9)
    return [round((first + i) * step, 12) for i in range(count + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    all_ticks = [m * 10.0**p for p in powers for m in (1, 2, 5)]
    return [v for v in all_ticks if low * 0.999 <= v <= high * 1.001]
