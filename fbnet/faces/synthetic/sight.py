"""Which landmarks can be seen, and how far eyes and mouth are open: exact, from the geometry."""

from collections.abc import Sequence

import numpy as np

from fbnet.faces.synthetic.camera import View
from fbnet.faces.synthetic.drawing import Layer
from fbnet.faces.synthetic.head import CLOTH, HAIR_SHELL, HAT, LOCKS
from fbnet.faces.synthetic.mesh import Mesh
from fbnet.faces.synthetic.raster import LOWEST, Fragments

COVERS = (HAIR_SHELL, LOCKS, HAT, CLOTH)
"""Materials that hide a landmark however little they lie before it."""
GAP, COVER_GAP = 0.08, 0.005
"""How much nearer than a landmark, in decimetres, a surface has to be to hide it: the face itself,
whose landmarks lie a little inside of it, and a cover."""
HIDDEN = 0.5
"""Share of what lies within a pixel of a landmark that has to be before it."""
GAPS = ((40, 33, 35, 39), (94, 87, 93, 89), (62, 60, 52, 61))
"""Of the left eye, the right eye and the mouth, in NNI's order: upper and lower point of the gap,
and the two corners."""


def visible(
    labels: np.ndarray, view: View, mesh: Mesh, fragments: Fragments, layers: Sequence[Layer]
) -> np.ndarray:
    """Whether each landmark can be seen, bool [P]: nothing of the head or before it hides it.

    labels [P,3]: in the camera's plane and in depth, see `landmarks.LABELS`. layers: what is laid
    over the head; less than half transparent they hide. Landmarks outside the picture are not seen.
    """
    depth = np.full(view.side**2, LOWEST)
    depth[fragments.pixel] = fragments.depth
    covers = np.zeros(view.side**2, bool)
    covers[fragments.pixel] = np.isin(mesh.material[fragments.triangle], COVERS)
    place = view.crop.units(labels) * view.size + view.margin
    inside = ((place >= 0) & (place < view.stored)).all(axis=1)
    reach = np.arange(-view.supersampling, view.supersampling + 1)
    around = np.floor(place * view.supersampling).astype(int)[:, None, None]
    x, y = (
        np.clip(around[..., axis] + step, 0, view.side - 1)
        for axis, step in enumerate((reach[None, :], reach[:, None]))
    )
    sample = y * view.side + x
    beyond = labels[:, 2, None, None] + np.where(covers[sample], COVER_GAP, GAP)
    hidden = (depth[sample] > beyond).mean(axis=(1, 2)) > HIDDEN
    column, row = np.clip(np.floor(place).astype(int), 0, view.stored - 1).T
    for layer in layers:
        hidden |= layer.share[row, column] > HIDDEN
    return inside & ~hidden


def openness(points: np.ndarray) -> np.ndarray:
    """Gap by width of the left eye, the right eye (the picture's) and the mouth, float32 [3].

    points: surface points [106,3] in the model frame, so that no turn of the head changes them.
    """
    upper, lower, one, other = (points[list(numbers)] for numbers in zip(*GAPS, strict=True))
    gaps, widths = (np.linalg.norm(a - b, axis=1) for a, b in ((upper, lower), (one, other)))
    return (gaps / widths).astype(np.float32)
