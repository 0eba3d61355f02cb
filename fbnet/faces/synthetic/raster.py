"""A z-buffer rasteriser in NumPy: triangle rows become spans, spans become fragments."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Spans grow by this many pixels so that rounding leaves no hole between two triangles.
SLACK = 1e-4

Keep = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


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
    length = np.sqrt((total * total).sum(axis=1, keepdims=True))
    return (total / np.maximum(length, 1e-9)).astype(np.float32)


def rasterise(
    points: np.ndarray, triangles: np.ndarray, width: int, height: int, keep: Keep | None = None
) -> Fragments:
    """Draw front faces (clockwise on a y-down screen are back faces) with a z-buffer.

    points [n,3]: screen x, y in pixels (edges at whole numbers) and z, larger nearer.
    keep(triangle, weights [m,3], pixel) -> bool [m] may drop fragments before the depth test.
    """
    drawn, edges = _edges(points, triangles, width, height)
    row, y, start, length = _spans(edges, width)
    at = np.repeat(np.arange(len(row), dtype=np.int32), length)
    ends = np.cumsum(length)
    column = np.arange(len(at), dtype=np.int32) - np.repeat((ends - length - start), length)
    column = column.astype(np.int32)
    second, third, depth = _interpolate(edges, row, y, at, column)
    triangle = drawn[row][at]
    pixel = y.astype(np.int32)[at] * np.int32(width) + column
    if keep is not None:
        weights = np.stack([1 - second - third, second, third], axis=1)
        kept = np.flatnonzero(keep(triangle, weights, pixel))
        triangle, pixel, depth = triangle[kept], pixel[kept], depth[kept]
        second, third = second[kept], third[kept]
    chosen, pixel = _nearest(pixel, depth, width * height)
    second, third = second[chosen], third[chosen]
    weights = np.stack([1 - second - third, second, third], axis=1)
    return Fragments(pixel, triangle[chosen], weights, depth[chosen])


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
    """Planes over the screen for each drawn triangle: value = x * dx + y * dy + base, columns.

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
    x = np.take(points[:, 0], triangles).astype(np.float64)
    y = np.take(points[:, 1], triangles).astype(np.float64)
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    first = np.ceil(np.clip(y.min(1), 0, height) - 0.5 - SLACK).astype(np.int32)
    last = np.floor(np.clip(y.max(1), 0, height) - 0.5 + SLACK).astype(np.int32)
    inside = (x.max(1) > 0) & (x.min(1) < width)
    drawn = np.flatnonzero((area < -1e-9) & (last >= first) & inside)
    x, y, area, first, last = x[drawn], y[drawn], area[drawn], first[drawn], last[drawn]
    z = np.take(points[:, 2], triangles[drawn]).astype(np.float64)
    second = _plane(x, y, area, 2, 0)
    third = _plane(x, y, area, 0, 1)
    rise = z[:, 1:] - z[:, :1]
    depth = second * rise[:, :1] + third * rise[:, 1:]
    depth[:, 2] += z[:, 0]
    return drawn.astype(np.int32), _Edges(second, third, depth, first, np.minimum(last, height - 1))


def _plane(x: np.ndarray, y: np.ndarray, area: np.ndarray, a: int, b: int) -> np.ndarray:
    """The barycentric weight of the corner opposite to edge a-b, as a plane [n,3]."""
    dx = -(y[:, b] - y[:, a]) / area
    dy = (x[:, b] - x[:, a]) / area
    return np.stack([dx, dy, -(dx * x[:, a] + dy * y[:, a])], axis=1)


def _spans(
    edges: _Edges, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each triangle row that holds pixel centres: triangle, y, first column, count."""
    count = edges.last - edges.first + 1
    row = np.repeat(np.arange(len(count)), count)
    y = np.arange(len(row)) - np.repeat(np.cumsum(count) - count - edges.first, count)
    low, high = np.full(len(row), 0.0), np.full(len(row), float(width))
    first = 1 - edges.second - edges.third
    first[:, :2] -= 1
    for plane in (first, edges.second, edges.third):
        dx, dy, base = plane[:, 0][row], plane[:, 1][row], plane[:, 2][row]
        value = dy * (y + 0.5) + base
        flat = np.abs(dx) < 1e-12
        cross = -value / np.where(flat, 1.0, dx)
        np.maximum(low, np.where(flat, np.where(value < -SLACK, width, 0), cross),
                   out=low, where=flat | (dx > 0))
        np.minimum(high, cross, out=high, where=~flat & (dx < 0))
    start = np.ceil(low - 0.5 - SLACK).astype(np.int32)
    start = np.maximum(start, 0)
    end = np.minimum(np.floor(high - 0.5 + SLACK).astype(np.int32), width - 1)
    full = np.flatnonzero(end >= start)
    return row[full], y[full], start[full], (end - start + 1)[full]


def _interpolate(
    edges: _Edges, row: np.ndarray, y: np.ndarray, at: np.ndarray, column: np.ndarray
) -> list[np.ndarray]:
    """Second weight, third weight and depth of each fragment, float32."""
    x = column.astype(np.float32) + np.float32(0.5)
    values = []
    for plane in (edges.second, edges.third, edges.depth):
        slope = plane[:, 0][row].astype(np.float32)
        base = (plane[:, 1][row] * (y + 0.5) + plane[:, 2][row]).astype(np.float32)
        values.append(slope[at] * x + base[at])
    return values


def _nearest(pixel: np.ndarray, depth: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the nearest fragment of each covered pixel, and those pixels (rising)."""
    buffer = np.full(size, -np.inf, np.float32)
    np.maximum.at(buffer, pixel, depth)
    front = np.flatnonzero(depth >= buffer[pixel])
    index = np.full(size, -1, np.int32)
    index[pixel[front]] = front
    covered = np.flatnonzero(index >= 0).astype(np.int32)
    return index[covered], covered
