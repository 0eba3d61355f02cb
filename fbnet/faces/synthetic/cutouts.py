"""What is cut out of surfaces while they are drawn: between strands, beyond edges."""

import numpy as np

from fbnet.faces.synthetic.accessories import Wear, keep_hat, keep_mask
from fbnet.faces.synthetic.hair import HairStyle, keep_locks, keep_strands
from fbnet.faces.synthetic.head import CLOTH, HAIR_SHELL, HAT, LASHES, LOCKS, Head
from fbnet.faces.synthetic.raster import Keep
from fbnet.faces.synthetic.surfaces import Mesh


def cutouts(head: Head, mesh: Mesh, hair: HairStyle, wear: Wear, lashes: float) -> Keep:
    """A filter for the rasteriser; lashes: their density, 0..1."""
    angle, beside, height = head.angle, np.abs(head.angle), head.vertices[:, 1]
    corners = mesh.source[mesh.triangles].T

    def keep(
        triangle: np.ndarray, second: np.ndarray, third: np.ndarray, pixel: np.ndarray
    ) -> np.ndarray:
        material = mesh.material[triangle]
        kept = np.ones(len(triangle), bool)
        for number, rule in rules.items():
            chosen = np.flatnonzero(material == number)
            if len(chosen):
                face, b, c = triangle[chosen], second[chosen], third[chosen]
                kept[chosen] = rule(face, b, c)
        lash = np.flatnonzero(material == LASHES)
        kept[lash] = _grain(pixel[lash]) < lashes
        return kept

    def read(values: np.ndarray, face: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        first, second, third = (values[corner][face] for corner in corners)
        return first + (second - first) * b + (third - first) * c

    def strands(*at: np.ndarray) -> np.ndarray:
        places = [read(values, *at) for values in (angle, height, hair.line)]
        kept = keep_strands(hair, places[0], places[1], places[2], mesh.layer[at[0]])
        return kept & ~keep_hat(wear, np.abs(places[0]), places[1]) if wear.hat else kept

    rules = {
        HAIR_SHELL: strands,
        LOCKS: lambda *at: keep_locks(hair, bool(wear.hat), read(beside, *at), read(height, *at)),
        HAT: lambda *at: keep_hat(wear, read(beside, *at), read(height, *at)),
        CLOTH: lambda *at: keep_mask(wear, read(beside, *at), read(height, *at)),
    }
    return keep


def _grain(pixel: np.ndarray) -> np.ndarray:
    """A fixed grain 0..1 over the picture: a hash of the place, whatever the order of drawing."""
    return (pixel.astype(np.uint32) * np.uint32(2654435761) >> np.uint32(16)) % 1000 / 1000
