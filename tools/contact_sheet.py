"""Sheets of rendered faces, with and without their points, as PNG.

Usage: python tools/contact_sheet.py OUT_FOLDER [--first 0] [--seed 0] [--scale 2] [--whole]
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from fbnet.faces import synthetic
from fbnet.faces.synthetic.head import CONTOUR
from fbnet.faces.synthetic.landmarks import LEFT_BROW, RIGHT_BROW
from fbnet.files import write_bytes
from fbnet.params.synthetic import SyntheticParams

COLUMNS = 8
COLOURS = {
    **dict.fromkeys(CONTOUR, (0, 255, 0)),
    **dict.fromkeys(LEFT_BROW, (0, 255, 255)),
    **dict.fromkeys(RIGHT_BROW, (0, 255, 255)),
    **dict.fromkeys(range(52, 72), (255, 128, 0)),
}


def tile(
    face: synthetic.Face, size: int, margin: int, scale: int, whole: bool, points: bool
) -> np.ndarray:
    """One face enlarged: the inner crop, or the whole stored picture."""
    edge = 0 if whole else margin
    picture = face.image[edge : len(face.image) - edge, edge : len(face.image) - edge]
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    if points:
        places = (face.landmarks * size + margin - edge) * scale
        for number, place in enumerate(places):
            at = np.round((place - 0.5) * 8).astype(int).tolist()
            cv2.circle(picture, at, 6 * scale, COLOURS.get(number, (0, 0, 255)), -1, cv2.LINE_AA, 3)
    return picture


def main() -> None:
    """Render 64 faces and write faces.png and points.png."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of head.npz")
    parser.add_argument("--first", type=int, default=0, help="number of the first face")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--margin", type=int, default=24)
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--whole", action="store_true", help="show the margin too")
    a = parser.parse_args()
    head, params = synthetic.load_head(a.data), SyntheticParams(seed=a.seed)
    faces = list(
        synthetic.render_many(
            head, params, range(a.first, a.first + a.count), a.size, a.margin, a.workers
        )
    )
    for name, points in (("faces", False), ("points", True)):
        tiles = [tile(face, a.size, a.margin, a.scale, a.whole, points) for face in faces]
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
        rows = [cv2.hconcat(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
        write_bytes(a.out / f"{name}.png", cv2.imencode(".png", cv2.vconcat(rows))[1].tobytes())
    print(f"{a.out}/faces.png, {a.out}/points.png: faces {a.first} to {a.first + a.count - 1}")


if __name__ == "__main__":
    main()
