"""Faces with their points."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from fbnet.plots.style import PAGE, PREDICTED, TRUE, figure


def faces_with_points(
    images: np.ndarray,
    true: np.ndarray,
    path: str | Path,
    predicted: np.ndarray | None = None,
    captions: Sequence[str] = (),
    columns: int = 6,
) -> None:
    """Faces uint8 BGR [n, S, S, 3] with their true points and, where given, predicted ones.

    Points are [n, P, 2] in units of the crop; `captions` has one text a face.
    """
    rows = ceil(len(images) / columns)
    side = PAGE / columns
    height = rows * (side + (0.16 if captions else 0)) + 0.3
    with figure(path, height, rows, columns, dpi=200) as (drawn, axes):
        for ax in axes.flat:
            ax.set_axis_off()
        for i, (image, ax) in enumerate(zip(images, axes.flat, strict=False)):
            _face(ax, image, true[i], None if predicted is None else predicted[i])
            if captions:
                ax.set_title(captions[i], fontsize=8, loc="center", pad=2)
        shown = list(axes.flat[0].collections)
        names = ["true points", "predicted points"][: len(shown)]
        drawn.legend(shown, names, loc="outside lower center", ncols=2, markerscale=3)
        drawn.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)


def _face(ax: Any, image: np.ndarray, true: np.ndarray, predicted: np.ndarray | None) -> None:
    side = len(image)
    ax.imshow(image[..., ::-1], interpolation="lanczos")
    for points, colour in ((true, TRUE), (predicted, PREDICTED)):
        if points is not None:
            ax.scatter(*(points * side - 0.5).T, s=2.5, c=colour, linewidths=0, zorder=3)
    if predicted is not None:
        ends = np.stack([true, predicted]) * side - 0.5
        ax.plot(*ends.transpose(2, 0, 1), color=TRUE, lw=0.5)
    ax.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5))
