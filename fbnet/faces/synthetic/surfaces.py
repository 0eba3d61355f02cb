"""Surfaces of the scene, and their sum: one mesh to rasterise."""

from dataclasses import dataclass

import numpy as np

from fbnet.faces.synthetic.camera import Camera
from fbnet.faces.synthetic.head import LASHES, Head


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


def base_mesh(head: Head, vertices: np.ndarray) -> tuple[list[Surface], np.ndarray, np.ndarray]:
    """The head itself: skin, eyes, teeth, tongue, lashes; with material and layer per triangle."""
    shown = head.part <= LASHES
    everything = np.arange(len(vertices))
    surface = Surface(vertices, head.triangles[shown], everything, -1)
    return [surface], head.part[shown], np.zeros(int(shown.sum()), np.float32)


def join(head: Head, vertices: np.ndarray, extra: list[Surface], camera: Camera) -> Mesh:
    """The head and the surfaces around it as one mesh, turned into place."""
    surfaces, material, layer = base_mesh(head, vertices)
    surfaces = surfaces + extra
    starts = np.cumsum([0] + [len(surface.points) for surface in surfaces])
    source = np.concatenate([surface.source for surface in surfaces])
    points = np.concatenate([surface.points for surface in surfaces]).astype(np.float32)
    triangles = np.concatenate(
        [s.triangles + start for s, start in zip(surfaces, starts[:-1], strict=True)]
    )
    counts = [len(surface.triangles) for surface in extra]
    material = np.concatenate([material, np.repeat([s.material for s in extra], counts)])
    layer = np.concatenate([layer, np.repeat([s.layer for s in extra], counts)])
    placed = camera.place(points, head.vertices[:, 1][source])
    return Mesh(placed, source, triangles, material.astype(np.int32), layer.astype(np.float32))
