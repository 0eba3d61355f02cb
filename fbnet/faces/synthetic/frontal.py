"""Straight-ahead ray casts onto the neutral head: from (x, y) to a surface point."""

from dataclasses import dataclass

import numpy as np

from fbnet.faces.synthetic.raster import rasterise

SIDE = 900
"""Pixels of the square buffer."""
CENTRE = (0.0, 7.2)
"""Head coordinates at the middle of the buffer, decimetres."""
REACH = 1.2
"""Half the side of the buffer, decimetres."""


@dataclass(frozen=True)
class FrontalMap:
    """Which triangle the viewer in front of the head sees at each place."""

    triangles: np.ndarray
    index: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, vertices: np.ndarray, triangles: np.ndarray) -> "FrontalMap":
        """Rasterise the head once, seen from far in front."""
        scale = SIDE / 2 / REACH
        x = SIDE / 2 + (vertices[:, 0] - CENTRE[0]) * scale
        y = SIDE / 2 - (vertices[:, 1] - CENTRE[1]) * scale
        seen = rasterise(np.stack([x, y, vertices[:, 2]], axis=1), triangles, SIDE, SIDE)
        index = np.full(SIDE * SIDE, -1, np.int32)
        index[seen.pixel] = seen.triangle
        weights = np.zeros((SIDE * SIDE, 3), np.float32)
        weights[seen.pixel] = seen.weights
        return cls(triangles, index, weights)

    def cast(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices [n,3] and weights [n,3] of the surface points in front of (x, y) [n].

        Raises ValueError when a ray misses the head.
        """
        scale = SIDE / 2 / REACH
        column = (SIDE / 2 + (np.asarray(x) - CENTRE[0]) * scale).astype(int)
        row = (SIDE / 2 - (np.asarray(y) - CENTRE[1]) * scale).astype(int)
        at = row * SIDE + column
        if (self.index[at] < 0).any():
            raise ValueError("a ray misses the head")
        return self.triangles[self.index[at]], self.weights[at]
