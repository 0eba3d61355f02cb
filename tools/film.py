"""The animated picture at the top of README: `python tools/film.py`.

A rendered person turns the head before a webcam; `Landmarker.track` with the shipped model follows
the landmarks in the frames. The last frame is the first one again.
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
PICTURE = ROOT / "docs/film.gif"
PEOPLE = (9, 10)
"""Numbers of the people, side by side."""
FPS, SECONDS = 10, 2.8
CROP = 190
"""Side of the face crop in pixels, in frames twice as wide."""
SHOWN = 228
"""Side of a person's frames in the picture."""


def motion(share: float) -> Moment:
    """Where the head is after a share of the clip, which ends as it begins."""
    turn = 2 * np.pi * share
    return Moment((9 * np.sin(2 * turn), 32 * np.sin(turn), 5 * np.sin(turn + 1)))


def frames(person: int) -> list[np.ndarray]:
    """A person's frames uint8 BGR, with the landmarks that the model finds."""
    head, draws = load_head(ROOT / "data"), Draws(PARAMS.seed, person, person)
    subject = draw_subject(head, PARAMS, draws)
    count = round(FPS * SECONDS)
    clip = [take(head, subject, draws, motion(i / count), CROP)[0] for i in range(count)]
    found = Landmarker().track(clip + clip, fps=FPS)
    drawn = [draw(*frame, enlarge=True) for frame in zip(clip + clip, found, strict=True)]
    return [
        cv2.resize(frame, (SHOWN, SHOWN), interpolation=cv2.INTER_AREA) for frame in drawn[count:]
    ]


def main() -> int:
    """Film, follow and write."""
    film = [np.hstack(beside) for beside in zip(*map(frames, PEOPLE), strict=True)]
    animation = cv2.Animation()
    animation.frames, animation.durations = film, [1000 // FPS] * len(film)
    animation.loop_count = 0
    if not cv2.imwriteanimation(str(PICTURE), animation):
        raise SystemExit(f"{PICTURE}: this OpenCV writes no GIF")
    print(f"{PICTURE}: {len(film)} frames, {PICTURE.stat().st_size / 2**20:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
