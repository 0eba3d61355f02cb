"""Faces with their landmarks: predictions beside the truth, and a preview of a face set."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from fbnet.faces.faceset import SPLITS, FaceSet
from fbnet.metrics import evenly
from fbnet.plots.style import PAGE, PREDICTED, TRUE, figure, save

PREVIEW_COLUMNS, PREVIEW_ROWS = 8, 2
SUSPECTS = 40
"""Faces on the sheet of suspicious labels."""
CAPTION = 30
"""Characters in a line above a face of that sheet."""
REGION_COLOURS = {
    "contour": "#ffd92f",
    "brows": "#fc8d62",
    "eyes": "#4dd2ff",
    "nose": "#a6d854",
    "mouth": "#ff7ac0",
}
OTHER = "#ffffff"
"""Colour of points of no such part."""


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
    lines = max((caption.count("\n") + 1 for caption in captions), default=0)
    # A title of several lines has its padding in addition.
    height = rows * (side + 0.16 * lines) + (0.3 if lines < 2 else 0.3 + 0.08 * lines * rows)
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


def preview(faces: FaceSet, path: str | Path) -> None:
    """One large face with numbered points, and a grid of faces with points for each split.

    The frame is the inner crop, what lies outside it is the margin. Faces are spread evenly over
    their split.
    """
    from matplotlib.figure import Figure

    splits = {name: indices for name in SPLITS if len(indices := faces.indices(name))}
    drawn = Figure(figsize=(22, 10.5), dpi=80)
    large, *grids = drawn.subplot_mosaic(
        [["large", name] for name in splits], width_ratios=(1, 1.15)
    ).values()
    _draw_large(large, faces, int(next(iter(splits.values()))[0]))
    for axes, (name, indices) in zip(grids, splits.items(), strict=True):
        shown = indices[evenly(len(indices), PREVIEW_COLUMNS * PREVIEW_ROWS)]
        grid = np.full(PREVIEW_COLUMNS * PREVIEW_ROWS, -1)
        grid[: len(shown)] = shown
        _draw_faces(axes, faces, grid.reshape(PREVIEW_ROWS, PREVIEW_COLUMNS), point_size=1.2)
        axes.set_title(f"{name}: {len(indices)} faces", fontsize=10)
    drawn.tight_layout()
    save(drawn, path)


def suspicious(faces: FaceSet, notes: Mapping[str, str], path: str | Path) -> None:
    """Faces whose labels look wrong, the first `SUSPECTS` of them with what is noted of each.

    notes: by the face's name. Nothing is written where there is none.
    """
    shown = [index for index, name in enumerate(faces.names) if name in notes][:SUSPECTS]
    if shown:
        texts = [f"{Path(faces.names[i]).name}: {notes[faces.names[i]]}" for i in shown]
        captions = ["\n".join(wrap(text, CAPTION)[:3]) for text in texts]
        side, margin = faces.images.shape[1], faces.margin
        points = (faces.landmarks[shown] * faces.size + margin) / side
        faces_with_points(faces.images[shown], points, path, captions=captions, columns=4)


def _draw_large(axes: Any, faces: FaceSet, index: int) -> None:
    _draw_faces(axes, faces, np.array([[index]]), point_size=9.0)
    points = faces.landmarks[index] * faces.size + faces.margin - 0.5
    for number in np.flatnonzero(np.isfinite(points[:, 0])):
        axes.annotate(
            str(number), points[number], xytext=(2.5, 2.5), textcoords="offset points",
            fontsize=6.5, color="white",
        )  # fmt: skip
    pitch, yaw, roll = np.degrees(faces.pose[index])
    turns = f"pitch {pitch:.0f}, yaw {yaw:.0f}, roll {roll:.0f} degrees"
    title = f"{faces.names[index]}: {faces.points} points ({faces.scheme.name}), {turns}"
    axes.set_title(title if np.isfinite(pitch) else title.removesuffix(f", {turns}"), fontsize=10)


def _draw_faces(axes: Any, faces: FaceSet, grid: np.ndarray, point_size: float) -> None:
    """Faces side by side as `grid` [rows, columns] numbers them; -1 leaves a place empty."""
    side = faces.images.shape[1]
    rows, columns = grid.shape
    canvas = np.full((rows * side, columns * side, 3), 255, np.uint8)
    places = [(row, column) for row in range(rows) for column in range(columns)]
    for row, column in places:
        if (index := int(grid[row, column])) >= 0:
            corner = np.array((column * side, row * side))
            canvas[row * side :, column * side :][:side, :side] = faces.images[index, :, :, ::-1]
            _draw_points(axes, faces, index, corner, point_size)
    axes.imshow(canvas, interpolation="nearest")
    axes.set_axis_off()


def _draw_points(
    axes: Any, faces: FaceSet, index: int, corner: np.ndarray, point_size: float
) -> None:
    from matplotlib.patches import Rectangle

    points = faces.landmarks[index] * faces.size + faces.margin - 0.5 + corner
    for region, members in faces.scheme.parts.items():
        x, y = points[list(members)].T
        axes.scatter(x, y, s=point_size, c=REGION_COLOURS.get(region, OTHER), linewidths=0)
    start = corner + faces.margin - 0.5
    frame = Rectangle(tuple(start), faces.size, faces.size, fill=False, lw=0.6, color="#ffffffa0")
    axes.add_patch(frame)
