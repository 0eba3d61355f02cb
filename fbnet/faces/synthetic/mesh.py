"""The scene as one mesh, and its fragments as shading points."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fbnet.faces.synthetic.camera import Camera, View
from fbnet.faces.synthetic.head import CLOTH, LASHES, Head
from fbnet.faces.synthetic.raster import Fragments, lengths, read, vertex_normals

MATERIALS = 16
"""Room for material numbers in a key."""
BLOCK = 4096
"""Points whose attributes are read in one go."""
FIXED = ("angle", "height", "lips", "eyelids", "inside-mouth", "sky", "rosy", "under_eyes", "beard")
"""Attributes of the template; beside them `line` (hair) and the normal differ by picture."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A piece of the scene in the model frame.

    points float32 [n,3]; triangles [m,3]; source int [n]: the template vertex whose attributes
    (angle, height, masks, normal) each point takes; material: a number of head.py; layer 0..1:
    how far out a hair shell lies.
    """

    points: np.ndarray
    triangles: np.ndarray
    source: np.ndarray
    material: int
    layer: float = 1.0


@dataclass(frozen=True, eq=False)
class Mesh:
    """All surfaces, turned into place.

    points [n,3] (z to the viewer), source [n]; triangles [m,3], material and layer [m].
    """

    points: np.ndarray
    source: np.ndarray
    triangles: np.ndarray
    material: np.ndarray
    layer: np.ndarray


def part_surface(
    head: Head, points: np.ndarray, chosen: np.ndarray, material: int, layer: float = 1.0
) -> Surface:
    """A surface of the template triangles `chosen` [m,3], holding only the vertices they use."""
    used = np.zeros(len(points), bool)
    used[chosen] = True
    source = np.flatnonzero(used)
    number = np.cumsum(used) - 1
    return Surface(points[source], number[chosen], source, material, layer)


def join(head: Head, vertices: np.ndarray, extra: list[Surface], camera: Camera) -> Mesh:
    """The head and the surfaces around it as one mesh, turned into place."""
    # The head itself: skin, eyes, teeth, tongue, lashes, each triangle with a material of its own.
    shown = head.part <= LASHES
    itself = Surface(vertices, head.triangles[shown], np.arange(len(vertices)), -1)
    surfaces = [itself, *extra]
    starts = np.cumsum([0] + [len(surface.points) for surface in surfaces])
    source = np.concatenate([surface.source for surface in surfaces])
    points = np.concatenate([surface.points for surface in surfaces]).astype(np.float32)
    triangles = np.concatenate(
        [s.triangles + start for s, start in zip(surfaces, starts[:-1], strict=True)]
    )
    counts = [len(surface.triangles) for surface in extra]
    material = np.concatenate([head.part[shown], np.repeat([s.material for s in extra], counts)])
    layer = np.repeat([0.0, *(s.layer for s in extra)], [int(shown.sum()), *counts])
    placed = camera.place(points, head.vertices[:, 1][source])
    return Mesh(placed, source, triangles, material.astype(np.int32), layer.astype(np.float32))


@dataclass(frozen=True, eq=False)
class Points:
    """What is shaded: one entry per pixel of the stored picture and material seen in it.

    pixel int [n] (rising), material uint8 [n], cover float32 [n] (share of the pixel's samples),
    layer float32 [n], depth float32 [n], normal and position float32 [n,3] (placed, y up,
    z to the viewer), attributes: name -> float32 [n].
    """

    pixel: np.ndarray
    material: np.ndarray
    cover: np.ndarray
    layer: np.ndarray
    normal: np.ndarray
    position: np.ndarray
    attributes: dict[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.attributes[name]

    def __len__(self) -> int:
        return len(self.pixel)

    def of(self, *materials: int) -> np.ndarray:
        """Indices of the points of these materials."""
        return np.flatnonzero(np.logical_or.reduce([self.material == m for m in materials]))


@lru_cache(maxsize=2)
def fixed_attributes(head: Head) -> np.ndarray:
    """The attributes FIXED of each template vertex, float32 [V,9]."""
    angle, height = head.angle, head.vertices[:, 1]

    def blob(x: float, y: float, wide: float, tall: float) -> np.ndarray:
        return np.exp(-(((np.abs(angle) - x) / wide) ** 2) - ((height - y) / tall) ** 2)

    rosy = 0.16 * blob(0.55, 6.95, 0.28, 0.2) + 0.18 * blob(0, 6.95, 0.14, 0.14)
    rosy += 0.08 * blob(0, 6.25, 0.25, 0.15) + 0.35 * head.masks["ears"]
    under = blob(0.26, 7.14, 0.14, 0.06)
    beard = np.exp(-((angle / 1.15) ** 8)) * (height > 6.0) / (1 + np.exp((height - 6.78) * 14))
    columns = (
        angle,
        height,
        head.masks["lips"],
        head.masks["eyelids"],
        head.masks["inside-mouth"],
        head.occlusion,
        rosy,
        under,
        beard,
    )
    return np.stack(columns, axis=1).astype(np.float32)


def shading_points(
    head: Head, mesh: Mesh, fragments: Fragments, view: View, normals: np.ndarray, line: np.ndarray
) -> Points:
    """One point per pixel and material: the mean of its first and last fragment.

    They lie opposite each other about the pixel's middle, so the mean is true to place.
    normals [V,3] (placed) and line [V] (height above the hairline) by template vertex.
    """
    group, key, cover = _group(mesh, fragments, view)
    table = np.concatenate([fixed_attributes(head), line[:, None], normals], axis=1)
    order = np.arange(len(group))
    first, last = np.zeros((2, len(key)), np.int64)
    last[group] = order
    first[group[::-1]] = order[::-1]
    values = np.zeros((len(key), table.shape[1]), np.float32)
    corners = read(mesh.source, np.ascontiguousarray(mesh.triangles.T))
    shares = np.ascontiguousarray(fragments.weights.T) * np.float32(0.5)
    # In blocks that stay in the cache.
    for start in range(0, len(key), BLOCK):
        block = values[start : start + BLOCK]
        for chosen in (first[start : start + BLOCK], last[start : start + BLOCK]):
            triangle = read(fragments.triangle, chosen)
            for corner, share in zip(corners, shares, strict=True):
                place = table.take(read(corner, triangle), axis=0, mode="wrap")
                place *= read(share, chosen)[:, None]
                block += place
    attributes = {name: values[:, i].copy() for i, name in enumerate((*FIXED, "line"))}
    normal = values[:, 10:13]
    cloth = key % MATERIALS == CLOTH
    if cloth.any():
        # Cloth has normals of its own, not those of the face below.
        own = vertex_normals(mesh.points, mesh.triangles[mesh.material == CLOTH])
        corners = mesh.triangles[fragments.triangle[first[cloth]]]
        normal[cloth] = np.einsum("nck,nc->nk", own[corners], fragments.weights[first[cloth]])
    unit = normal / (lengths(normal) + 1e-6)[:, None]
    pixel = key // MATERIALS
    depth = (fragments.depth[first] + fragments.depth[last]) / 2
    row = pixel // view.stored
    position = view.unproject(pixel - row * view.stored + 0.5, row + 0.5, depth)
    layer = mesh.layer[fragments.triangle[first]]
    material = (key % MATERIALS).astype(np.uint8)
    return Points(pixel, material, cover, layer, unit, position, attributes)


def _group(
    mesh: Mesh, fragments: Fragments, view: View
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group number of each fragment; key (pixel * MATERIALS + material) and cover per group."""
    row = fragments.pixel // view.side
    column = fragments.pixel - row * view.side
    pixel = (row // view.supersampling) * view.stored + column // view.supersampling
    key = pixel * MATERIALS + mesh.material[fragments.triangle]
    count = np.bincount(key, minlength=view.stored**2 * MATERIALS)
    keys = np.flatnonzero(count > 0)
    number = np.zeros(len(count), np.int32)
    number[keys] = np.arange(len(keys))
    cover = count[keys] / np.float32(view.supersampling**2)
    return number[key], keys, cover.astype(np.float32)
