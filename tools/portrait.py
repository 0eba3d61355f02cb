"""Draw the shipped model's landmarks on the README's photograph: `python tools/portrait.py`.

The photograph is the portrait of Rear Admiral Grace Hopper by James S. Davis, US Navy (1984), in
the public domain; matplotlib ships it among its sample data.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from matplotlib.cbook import get_sample_data

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs/portrait.jpg"
SHOWN = (slice(40, 400), slice(60, 460))
"""Rows and columns of the photograph that the README shows."""
ENLARGED = 2


def photograph() -> np.ndarray:
    """The whole photograph, uint8 BGR."""
    with get_sample_data("grace_hopper.jpg") as stream:
        return cv2.imdecode(np.frombuffer(stream.read(), np.uint8), cv2.IMREAD_COLOR)


def main() -> int:
    """Run `fbnet predict` on the enlarged photograph; photograph and result side by side."""
    enlarged = cv2.resize(photograph(), None, fx=ENLARGED, fy=ENLARGED)
    with TemporaryDirectory() as folder:
        picture, out = Path(folder) / "portrait.png", Path(folder) / "out"
        cv2.imwrite(str(picture), enlarged)
        command = [sys.executable, "-m", "stages.cli", "predict", str(picture)]
        subprocess.run([*command, "--out", str(out)], cwd=ROOT, check=True)
        drawn = cv2.imread(str(out / "portrait.png"))
    rows, columns = (slice(ENLARGED * s.start, ENLARGED * s.stop) for s in SHOWN)
    beside = np.hstack([image[rows, columns] for image in (enlarged, drawn)])
    half = cv2.resize(beside, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(PICTURE), half, [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"{PICTURE}: {half.shape[1]} x {half.shape[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
