"""Between this project's crops and landmarks and what a model was declared to take and give."""

import numpy as np

from fbnet.landmarks import LAPA_TO_NNI, convert
from fbnet.predict.interface import Interface


def to_values(images: np.ndarray, interface: Interface) -> np.ndarray:
    """Crops uint8 BGR [n,S,S,3] as the model takes them: float32, its layout, colours and scale."""
    mean, std = (np.array(part, np.float32) for part in interface.normalisation)
    ordered = images[..., ::-1] if interface.channels == "RGB" else images
    values = (ordered.astype(np.float32) / np.float32(255) - mean) / std
    if interface.layout != "NHWC":
        values = values.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(values)


def to_landmarks(values: np.ndarray, interface: Interface, size: int) -> np.ndarray:
    """Points float32 [n,P,2] in units of the crop and in the order of the scheme.

    values: [n,2P], what the model gave. size: side of its input in pixels, for `unit: pixels`.
    """
    values, count = np.asarray(values, np.float32), values.shape[1] // 2
    if interface.arrangement == "x_then_y":
        points = values.reshape(len(values), 2, count).transpose(0, 2, 1)
    else:
        points = values.reshape(len(values), count, 2)
    if interface.order == "lapa":
        points = convert(points, LAPA_TO_NNI)
    if interface.unit == "pixels":
        return points / np.float32(size)
    return (points + np.float32(1)) / 2 if interface.unit == "signed" else points
