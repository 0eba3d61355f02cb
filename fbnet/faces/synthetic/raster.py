"""A z-buffer rasteriser in NumPy, and straight-ahead ray casts onto the neutral head."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SLACK = 1e-4
"""Spans grow by this many pixels so that rounding leaves no hole between two triangles."""
LOWEST = np.finfo(np.float32).min
"""Depth where nothing is drawn."""
Keep = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Which fragments to keep, bool [m]; its arguments stand at `rasterise`."""
FRONTAL_SIDE = 900
"""Pixels of the square buffer."""
FRONTAL_CENTRE = (0.0, 7.2)
"""Head coordinates at the middle of the buffer, decimetres."""
FRONTAL_REACH = 1.2
"""Half the side of the buffer, decimetres."""


@dataclass(frozen=True)
class Fragments:
    """The nearest surface point of each covered pixel.

    pixel int32 [n] (row * width + column, rising), triangle int32 [n] (row of the input),
    weights float32 [n,3] (barycentric), depth float32 [n] (larger is nearer).
    """

    pixel: np.ndarray
    triangle: np.ndarray
    weights: np.ndarray
    depth: np.ndarray


def vertex_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals [n,3] of a mesh, faces weighted by area; zero where no face touches."""
    corners = [np.take(points, triangles[:, i], axis=0) for i in range(3)]
    normal = _cross(corners[1] - corners[0], corners[2] - corners[0])
    index = triangles.T.ravel()
    total = np.stack(
        [np.bincount(index, np.tile(normal[:, i], 3), len(points)) for i in range(3)], axis=1
    )
    return (total / np.maximum(lengths(total), 1e-9)[:, None]).astype(np.float32)


def rasterise(
    points: np.ndarray,
    triangles: np.ndarray,
    width: int,
    height: int,
    keep: Keep | None = None,
    cut: np.ndarray | None = None,
) -> Fragments:
    """Draw front faces (clockwise on a y-down screen are back faces) with a z-buffer.

    points [n,3]: screen x, y in pixels (edges at whole numbers) and z, larger nearer.
    keep(triangle, second, third, pixel) -> bool [m] may drop fragments before the depth test;
    second and third are the weights of the triangle's corners 1 and 2. It is asked about the
    triangles of `cut`, bool [T], or about all.
    """
    drawn, edges = _edges(points, triangles, width, height)
    spans = _spans(edges, width)
    lines = [_lines(plane, spans) for plane in (edges.second, edges.third)]
    depth = _interpolate(_lines(edges.depth, spans), spans.at, spans.x)
    triangle = read(drawn, spans.row)
    if keep is not None:
        asked = np.arange(len(depth))
        if cut is not None:
            asked = np.flatnonzero(read(read(cut, triangle), spans.at))
        at, x = read(spans.at, asked), read(spans.x, asked)
        second, third = (_interpolate(line, at, x) for line in lines)
        kept = keep(read(triangle, at), second, third, read(spans.pixel, asked))
        depth[read(asked, np.flatnonzero(~kept))] = -np.inf
    chosen, pixel = _nearest(spans.pixel, depth, width * height)
    at, x = read(spans.at, chosen), read(spans.x, chosen)
    second, third = (_interpolate(line, at, x) for line in lines)
    weights = np.stack([1 - second - third, second, third], axis=1)
    return Fragments(pixel, read(triangle, at), weights, read(depth, chosen))


def depth_map(
    points: np.ndarray, triangles: np.ndarray, width: int, height: int, empty: float
) -> np.ndarray:
    """Depth of the nearest surface in each pixel, float32 [height * width]; `empty` for none.

    Arguments as for `rasterise`.
    """
    _, edges = _edges(points, triangles, width, height)
    spans = _spans(edges, width)
    depth = _interpolate(_lines(edges.depth, spans), spans.at, spans.x)
    buffer = _buffer(spans.pixel, depth, width * height)
    buffer[buffer == LOWEST] = empty
    return buffer


def read(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """values[index] for indices known to lie in 0..len(values) - 1; several times faster."""
    return values.take(index, mode="wrap")


def lengths(rows: np.ndarray) -> np.ndarray:
    """Lengths [n] of rows [n,3]; faster than a sum over so short an axis."""
    squares = rows * rows
    return np.asarray(np.sqrt(squares[:, 0] + squares[:, 1] + squares[:, 2]))


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross product of rows; several times faster than np.cross."""
    return np.stack(
        [
            a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1],
            a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2],
            a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0],
        ],
        axis=1,
    )


@dataclass(frozen=True)
class _Edges:
    """Planes over the screen for each drawn triangle: value = x * dx + y * dy + base, rows [3,n].

    weights of the second and third corner, and depth; first and last row of pixel centres.
    """

    second: np.ndarray
    third: np.ndarray
    depth: np.ndarray
    first: np.ndarray
    last: np.ndarray


def _edges(
    points: np.ndarray, triangles: np.ndarray, width: int, height: int
) -> tuple[np.ndarray, _Edges]:
    """Indices of the triangles worth drawing, and their planes (float64)."""
    corners = np.ascontiguousarray(triangles.T)
    x, y = (read(points[:, i].astype(np.float64), corners) for i in (0, 1))
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    facing = np.flatnonzero(area < -1e-9)
    x, y, area = x.take(facing, axis=1), y.take(facing, axis=1), read(area, facing)
    first = np.ceil(np.clip(_least(y), 0, height) - 0.5 - SLACK).astype(np.int32)
    last = np.floor(np.clip(-_least(-y), 0, height) - 0.5 + SLACK).astype(np.int32)
    inside = (-_least(-x) > 0) & (_least(x) < width)
    seen = np.flatnonzero((last >= first) & inside)
    x, y = x.take(seen, axis=1), y.take(seen, axis=1)
    area, first, last, drawn = (read(values, seen) for values in (area, first, last, facing))
    z = read(points[:, 2].astype(np.float64), corners.take(drawn, axis=1))
    second = _plane(x, y, area, 2, 0)
    third = _plane(x, y, area, 0, 1)
    depth = second * (z[1] - z[0]) + third * (z[2] - z[0])
    depth[2] += z[0]
    return drawn.astype(np.int32), _Edges(second, third, depth, first, np.minimum(last, height - 1))


def _least(corners: np.ndarray) -> np.ndarray:
    """Smallest of the three corners; far faster than min over so short an axis."""
    return np.minimum(np.minimum(corners[0], corners[1]), corners[2])


def _plane(x: np.ndarray, y: np.ndarray, area: np.ndarray, a: int, b: int) -> np.ndarray:
    """The barycentric weight of the corner opposite to edge a-b, as a plane [3,n]."""
    dx = (y[a] - y[b]) / area
    dy = (x[b] - x[a]) / area
    return np.stack([dx, dy, -(dx * x[a] + dy * y[a])])


@dataclass(frozen=True)
class _Spans:
    """Rows of pixels that triangles cover, and their fragments one after the other.

    row, y [m]: the triangle of each span (number among the drawn) and its line. at [n]: the span of
    each fragment; pixel [n]; x [n]: float32, the middle of the pixel.
    """

    row: np.ndarray
    y: np.ndarray
    at: np.ndarray
    pixel: np.ndarray
    x: np.ndarray


def _spans(edges: _Edges, width: int) -> _Spans:
    """The spans of all triangles that hold centres of pixels."""
    count = edges.last - edges.first + 1
    row = np.repeat(np.arange(len(count)), count)
    y = np.arange(len(row)) - read(np.cumsum(count) - count - edges.first, row)
    middle = y + 0.5
    low, high = np.zeros(len(row)), np.full(len(row), float(width))
    first = -edges.second - edges.third
    first[2] += 1
    for plane in (first, edges.second, edges.third):
        # A slope of zero would divide by zero; this tiny one moves no crossing that matters.
        slope = np.where(plane[0] == 0, 1e-30, plane[0])
        # Planes that rise bound a span from below, the others from above.
        below, above = np.where(slope > 0, 0, -np.inf), np.where(slope > 0, np.inf, 0)
        cross = read(plane[1], row) * middle
        cross += read(plane[2], row)
        np.divide(np.negative(cross, out=cross), read(slope, row), out=cross)
        np.maximum(low, cross + read(below, row), out=low)
        np.minimum(high, cross + read(above, row), out=high)
    start = np.ceil(np.minimum(low, width + 1) - 0.5 - SLACK).astype(np.int64)
    end = np.floor(np.maximum(high, -1) - 0.5 + SLACK).astype(np.int64)
    start, end = np.maximum(start, 0), np.minimum(end, width - 1)
    full = np.flatnonzero(end >= start)
    row, y, start, length = (read(v, full) for v in (row, y, start, end - start + 1))
    # The number of the span rises by one where a span begins.
    ends = np.cumsum(length)
    at = np.zeros(int(length.sum()), np.int64)
    at[ends[:-1]] = 1
    np.cumsum(at, out=at)
    column = np.arange(len(at))
    column += read(start - ends + length, at)
    pixel = column + read(y * width, at)
    return _Spans(row, y, at, pixel, column.astype(np.float32) + np.float32(0.5))


def _lines(plane: np.ndarray, spans: _Spans) -> tuple[np.ndarray, np.ndarray]:
    """A plane along each span: slope and value at x = 0, float32 [m]."""
    base = read(plane[1], spans.row) * (spans.y + 0.5)
    base += read(plane[2], spans.row)
    return read(plane[0].astype(np.float32), spans.row), base.astype(np.float32)


def _interpolate(lines: tuple[np.ndarray, np.ndarray], at: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values float32 [n] of a plane's lines at `x`, in the spans `at`."""
    values = read(lines[0], at)
    values *= x
    values += read(lines[1], at)
    return values


def _buffer(pixel: np.ndarray, depth: np.ndarray, size: int) -> np.ndarray:
    """The largest depth in each pixel, LOWEST where there is none."""
    buffer = np.full(size, LOWEST, np.float32)
    np.maximum.at(buffer, pixel, depth)
    return buffer


def _nearest(pixel: np.ndarray, depth: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the nearest fragment of each covered pixel, and those pixels (rising).

    Fragments of depth -inf are none.
    """
    front = np.flatnonzero(depth >= read(_buffer(pixel, depth, size), pixel))
    index = np.full(size, -1, np.int32)
    index[read(pixel, front)] = front
    covered = np.flatnonzero(index >= 0).astype(np.int32)
    return index[covered], covered


@dataclass(frozen=True)
class FrontalMap:
    """Which triangle a viewer in front of the head sees at each place.

    triangles int64 [T,3]; for each pixel of a square buffer: index int32 [n] of the triangle, -1
    for none, and weights float32 [n,3] (barycentric).
    """

    triangles: np.ndarray
    index: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, vertices: np.ndarray, triangles: np.ndarray) -> "FrontalMap":
        """Rasterise the head once, seen from far in front."""
        column, row = _frontal_place(vertices[:, 0], vertices[:, 1])
        places = np.stack([column, row, vertices[:, 2]], axis=1)
        seen = rasterise(places, triangles, FRONTAL_SIDE, FRONTAL_SIDE)
        index = np.full(FRONTAL_SIDE**2, -1, np.int32)
        index[seen.pixel] = seen.triangle
        weights = np.zeros((FRONTAL_SIDE**2, 3), np.float32)
        weights[seen.pixel] = seen.weights
        return cls(triangles, index, weights)

    def cast(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices [n,3] and weights [n,3] of the surface points in front of (x, y) [n].

        Raises ValueError when a ray misses the head.
        """
        column, row = _frontal_place(np.asarray(x), np.asarray(y))
        at = row.astype(int) * FRONTAL_SIDE + column.astype(int)
        if (self.index[at] < 0).any():
            raise ValueError("a ray misses the head")
        return self.triangles[self.index[at]], self.weights[at]


def _frontal_place(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Column and row in the frontal map, edges whole numbers, of head coordinates x and y."""
    scale = FRONTAL_SIDE / 2 / FRONTAL_REACH
    column = FRONTAL_SIDE / 2 + (x - FRONTAL_CENTRE[0]) * scale
    return column, FRONTAL_SIDE / 2 - (y - FRONTAL_CENTRE[1]) * scale
