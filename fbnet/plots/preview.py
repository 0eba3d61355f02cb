"""Faces of each split with their labels, to look at before training."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fbnet.plots.style import save

if TYPE_CHECKING:
    from fbnet.faces.faceset import FaceSet

PREVIEW_COLUMNS, PREVIEW_ROWS = 8, 2
REGION_COLOURS = {
    "contour": "#ffd92f",
    "brows": "#fc8d62",
    "eyes": "#4dd2ff",
    "nose": "#a6d854",
    "mouth": "#ff7ac0",
}


def preview(faces: "FaceSet", path: str | Path) -> None:
    """One large face with numbered points, and a grid of faces with points for each split.

    The frame is the inner crop, what lies outside it is the margin. Faces are spread evenly over
    their split.
    """
    from matplotlib.figure import Figure

    splits = [name for name in ("train", "validation", "test") if len(faces.indices(name))]
    figure = Figure(figsize=(22, 10.5), dpi=80)
    large, *grids = figure.subplot_mosaic(
        [["large", name] for name in splits], width_ratios=(1, 1.15)
    ).values()
    _draw_large(large, faces, int(faces.indices(splits[0])[0]))
    for axes, name in zip(grids, splits, strict=True):
        _draw_grid(axes, faces, name)
    figure.tight_layout()
    save(figure, path)


def _draw_large(axes: Any, faces: "FaceSet", index: int) -> None:
    _draw_faces(axes, faces, np.array([[index]]), point_size=9.0)
    points = faces.landmarks[index] * faces.size + faces.margin - 0.5
    for number, (x, y) in enumerate(points):
        axes.annotate(
            str(number), (x, y), xytext=(2.5, 2.5), textcoords="offset points",
            fontsize=6.5, color="white",
        )  # fmt: skip
    pitch, yaw, roll = np.degrees(faces.pose[index])
    axes.set_title(
        f"{faces.names[index]}: {faces.points} points ({faces.scheme.name}), "
        f"pitch {pitch:.0f}, yaw {yaw:.0f}, roll {roll:.0f} degrees",
        fontsize=10,
    )


def _draw_grid(axes: Any, faces: "FaceSet", split: str) -> None:
    indices = faces.indices(split)
    count = min(len(indices), PREVIEW_COLUMNS * PREVIEW_ROWS)
    chosen = np.full(PREVIEW_COLUMNS * PREVIEW_ROWS, -1)
    chosen[:count] = indices[np.linspace(0, len(indices) - 1, count).round().astype(int)]
    _draw_faces(axes, faces, chosen.reshape(PREVIEW_ROWS, PREVIEW_COLUMNS), point_size=1.2)
    axes.set_title(f"{split}: {len(indices)} faces", fontsize=10)


def _draw_faces(axes: Any, faces: "FaceSet", grid: np.ndarray, point_size: float) -> None:
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
    axes: Any, faces: "FaceSet", index: int, corner: np.ndarray, point_size: float
) -> None:
    from matplotlib.patches import Rectangle

    points = faces.landmarks[index] * faces.size + faces.margin - 0.5 + corner
    for region, members in faces.scheme.regions.items():
        x, y = points[list(members)].T
        axes.scatter(x, y, s=point_size, c=REGION_COLOURS[region], linewidths=0)
    start = corner + faces.margin - 0.5
    frame = Rectangle(tuple(start), faces.size, faces.size, fill=False, lw=0.6, color="#ffffffa0")
    axes.add_patch(frame)
