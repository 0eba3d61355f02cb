"""The picture of docs/predict.md that shows heads: `python tools/heads.py MODEL`.

MODEL is an ONNX file with heads, such as `python -m benchmarks.heads run` leaves in
.checkpoints/benchmarks/heads. Rendered people turn, and a hand comes before the face.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.video.clips import PARAMS, Moment, take
from fbnet import Landmarker
from fbnet.faces.synthetic import load_head
from fbnet.faces.synthetic.drawing import Draws
from fbnet.faces.synthetic.subject import draw_subject
from fbnet.predict.draw import draw

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs/heads.jpg"
SHOWN = {
    9: Moment((0.0, 40.0, 0.0)),
    10: Moment((-14.0, -25.0, 8.0)),
    3: Moment((4.0, 8.0, 0.0), hand=0.25),
    5: Moment((12.0, -6.0, -12.0), hand=-0.35),
}
"""Number of the person -> angles of the head, and where the hand is."""
CROP, ENLARGED = 230, 2
"""Side of the face crop in pixels, and by how much a frame is enlarged before it is drawn on."""
SIDE = 400
"""Side of a frame in the picture."""


def main() -> int:
    """Render, find, draw and write."""
    head, landmarker, frames = load_head(ROOT / "data"), Landmarker(sys.argv[1]), []
    for person, moment in SHOWN.items():
        draws = Draws(PARAMS.seed, person, person)
        subject = draw_subject(head, PARAMS, draws)
        frame, _ = take(head, subject, draws, moment, CROP)
        frame = cv2.resize(frame, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
        drawn = draw(frame, landmarker(frame))
        frames.append(cv2.resize(drawn, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    picture = np.hstack(frames)
    cv2.imwrite(str(PICTURE), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1024:.0f} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
