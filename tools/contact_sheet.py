"""Sheets of rendered faces, with and without their points: faces.png and points.png in a folder.

Usage: python tools/contact_sheet.py OUT_FOLDER [--labels 68] [--first 0] [--seed 0] [--whole]

The sheets in docs/ are `python tools/contact_sheet.py docs/synthetic --scale 1.5 --format jpg`.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from fbnet.faces import synthetic
from fbnet.files import write_bytes
from fbnet.landmarks import SCHEMES
from fbnet.params import SyntheticParams

COLUMNS = 8
QUALITY = (cv2.IMWRITE_JPEG_QUALITY, 82)
COLOURS = {
    "contour": (0, 255, 0),
    "brows": (0, 255, 255),
    "eyes": (0, 0, 255),
    "nose": (255, 0, 255),
    "mouth": (255, 128, 0),
}


def tile(
    face: synthetic.Face, size: int, margin: int, scale: float, whole: bool, points: bool
) -> np.ndarray:
    """One face enlarged: the inner crop, or the whole stored picture."""
    edge = 0 if whole else margin
    picture = face.image[edge : len(face.image) - edge, edge : len(face.image) - edge]
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    if points:
        places = (face.landmarks * size + margin - edge) * scale
        for part, numbers in SCHEMES[len(places)].regions.items():
            for place in places[list(numbers)]:
                at = np.round((place - 0.5) * 8).astype(int).tolist()
                radius = round(6 * scale)
                cv2.circle(picture, at, radius, COLOURS[part], -1, cv2.LINE_AA, 3)
    return picture


def sheet(tiles: list[np.ndarray]) -> np.ndarray:
    """Tiles in rows of COLUMNS, the last row filled with black."""
    filled = tiles + [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [cv2.hconcat(filled[i : i + COLUMNS]) for i in range(0, len(filled), COLUMNS)]
    return cv2.vconcat(rows)


def main() -> None:
    """Render 64 faces and write the two sheets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of head.npz")
    parser.add_argument("--labels", type=int, choices=(68, 106), default=106)
    parser.add_argument("--first", type=int, default=0, help="number of the first face")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--margin", type=int, default=24)
    parser.add_argument("--scale", type=float, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--format", choices=("png", "jpg"), default="png")
    parser.add_argument("--whole", action="store_true", help="show the margin too")
    a = parser.parse_args()
    head, params = synthetic.load_head(a.data), SyntheticParams(seed=a.seed, points=a.labels)
    chosen = range(a.first, a.first + a.count)
    faces = list(synthetic.render_many(head, params, chosen, a.size, a.margin, a.workers))
    for name, points in (("faces", False), ("points", True)):
        tiles = [tile(face, a.size, a.margin, a.scale, a.whole, points) for face in faces]
        path = a.out / f"{name}.{a.format}"
        write_bytes(path, cv2.imencode(path.suffix, sheet(tiles), QUALITY)[1].tobytes())
        print(f"{path}: faces {chosen.start} to {chosen.stop - 1}, {a.labels} points")


if __name__ == "__main__":
    main()
