"""Faces found in labelled photographs, and what it costs in NME that the boxes are a detector's.

`python -m benchmarks.detection FOLDER [--detector yunet] [--every 3] [--enlarge 4]`: FOLDER holds
photographs with `.pts` labels of 68 points, one face each. Prints the share of labelled faces that
are found (IoU of the boxes 0.4), the map from the detector's boxes to landmarks as fitted on these
faces (`BoxFit`), and the NME of the found faces by crops around the true boxes and by the detector
with one, two and three passes. Photographs and labels stay where they are.
"""

import argparse
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.readers.ibug import read_pts
from fbnet.faces.readers.walk import Files
from fbnet.landmarks import NNI_TO_IBUG68, SCHEMES, convert, eye_distance
from fbnet.predict.detect import BoxFit, iou
from fbnet.predict.landmarker import PRETRAINED, Landmarker, as_picture

FOUND = 0.4
"""IoU with the labelled landmarks' box from which on a face is found."""
PASSES = (1, 2, 3)
INNER = np.arange(17, 68)
"""The 68 points without the contour, where the conventions of 106 and 68 points differ."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, default=PRETRAINED, help="of 68 or 106 points")
    parser.add_argument("--detector", default="mtcnn")
    parser.add_argument("--every", type=int, default=1, help="take every n-th photograph")
    parser.add_argument("--enlarge", type=float, default=1.0, help="photographs by this factor")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    landmarker = Landmarker(arguments.model, detector=arguments.detector)
    names = Files(arguments.folder).ending(".pts")[:: arguments.every]
    faces, seconds, others = [], 0.0, 0
    for name in names:
        face, spent, count = measured(landmarker, arguments.folder, name, arguments.enlarge)
        seconds, others = seconds + spent, others + count
        if face:
            faces.append(face)
        else:
            print(f"not found: {name}")
    found = max(len(faces), 1)
    print(f"found {len(faces)} of {len(names)} labelled faces: {len(faces) / len(names):.2%}")
    print(
        f"{others / len(names):.3f} other boxes and {1e3 * seconds / len(names):.1f} ms a picture"
    )
    boxes, points = np.array([face[0] for face in faces]), np.array([face[1] for face in faces])
    print(f"fitted: {BoxFit.of(boxes, points)}, in use: {landmarker.detector.fit}")
    errors = np.array([face[2] for face in faces]).reshape(found, -1, 2).mean(axis=0)
    for what, (every, inner) in zip(("true boxes", *PASSES), errors, strict=True):
        what = what if isinstance(what, str) else f"{what} passes"
        more = f"{every / errors[0, 0] - 1:+.1%}, {inner / errors[0, 1] - 1:+.1%}"
        print(f"{what:12} NME {every:.2%}, inner points {inner:.2%} ({more})")


def measured(
    landmarker: Landmarker, folder: Path, name: str, enlarge: float
) -> tuple[tuple[np.ndarray, np.ndarray, list[tuple[float, float]]] | None, float, int]:
    """A found face, the seconds of its detection, and the number of other boxes.

    Of the face: the detector's box, its labels [68, 2], and NME over all and the inner points by
    the true box and by each number of passes.
    """
    true = read_pts(folder, folder / name)
    path = next((folder / name).with_suffix(s) for s in (".jpg", ".png") if _is(folder, name, s))
    picture = as_picture(path)
    if enlarge != 1:
        picture = cv2.resize(picture, None, fx=enlarge, fy=enlarge)
        true = (true + 0.5) * enlarge - 0.5
    start = perf_counter()
    boxes, _ = landmarker.detector(picture)
    seconds = perf_counter() - start
    if len(true) != 68:
        raise BadInput(f"{name}: {len(true)} points; the labels must be of 68")
    low, side = true.min(axis=0) + 0.5, np.ptp(true, axis=0)
    squares = landmarker.detector.fit.squares(boxes)
    overlaps = iou(np.concatenate([low, side]), squares)
    if overlaps.max(initial=0) < FOUND:
        return None, seconds, len(boxes)
    best = int(overlaps.argmax())
    place = landmarker.place([*low, *side], picture)
    errors = [error(landmarker.faces(picture, [place], passes=1)[0].landmarks, true)]
    for passes in PASSES:
        square = landmarker.square(squares[best])
        errors.append(error(landmarker.faces(picture, [square], passes=passes)[0].landmarks, true))
    return (boxes[best], true, errors), seconds, len(boxes) - 1


def error(landmarks: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """NME over the 68 points and over the inner ones, for landmarks of 68 or 106."""
    points = convert(landmarks, NNI_TO_IBUG68) if len(landmarks) == 106 else landmarks
    errors = np.linalg.norm(points - true, axis=1) / eye_distance(true, SCHEMES[68])
    return float(errors.mean()), float(errors[INNER].mean())


def _is(folder: Path, name: str, suffix: str) -> bool:
    return (folder / name).with_suffix(suffix).is_file()


if __name__ == "__main__":
    main()
