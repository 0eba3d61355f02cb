"""Glasses: rims in space, drawn as flat layers."""

import cv2
import numpy as np

from fbnet.faces.synthetic.camera import View
from fbnet.faces.synthetic.colour import linear
from fbnet.faces.synthetic.layers import Layer, shrink

CENTRES, BRIDGE, TIP = (34, 88), 72, 86
"""Landmarks that carry the glasses: eye centres, root and tip of the nose."""
EAR = (0.82, 0.35)
"""x and z of the hook over the ear, decimetres."""


def glasses_layers(
    points: np.ndarray, view: View, kind: str, rng: np.random.Generator
) -> list[Layer]:
    """Lenses and frame; points: landmarks in the model frame [106,3]; kind: "clear" or "dark"."""
    rims = _rims(points, rng)
    thickness = max(1, round(view.scale * rng.uniform(0.012, 0.035)))
    lens, frame = np.zeros((2, view.side, view.side), np.uint8)
    for rim in rims:
        cv2.fillPoly(lens, [_screen(view, rim)], 255, cv2.LINE_AA, 3)
        cv2.polylines(frame, [_screen(view, rim)], True, 255, thickness, cv2.LINE_AA, 3)
    for bar in _bars(rims, float(view.camera.angles[1])):
        cv2.polylines(frame, [_screen(view, bar)], False, 255, thickness, cv2.LINE_AA, 3)
    metal = rng.random(3) * (0.35 if rng.random() < 0.8 else 1)
    return [
        _lens_layer(shrink(lens, view.stored), kind, rng),
        Layer(linear(metal), shrink(frame, view.stored)),
    ]


def _screen(view: View, outline: np.ndarray) -> np.ndarray:
    """Drawing coordinates, eighths of a sample; OpenCV puts pixel centres at whole numbers."""
    return np.round((view.samples(view.camera.place(outline))[:, :2] - 0.5) * 8).astype(np.int32)


def _rims(points: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """The outlines of the two lenses [40,3], image left first."""
    left, right = points[CENTRES[0]], points[CENTRES[1]]
    wide = float(np.linalg.norm(right - left)) * rng.uniform(0.36, 0.46)
    tall, power = wide * rng.uniform(0.62, 0.95), 2 / rng.uniform(2, 4.5)
    depth = max(points[BRIDGE, 2] + 0.05, 0.6 * points[TIP, 2] + 0.4 * points[BRIDGE, 2])
    cosine, sine = np.cos(np.linspace(0, 2 * np.pi, 40)), np.sin(np.linspace(0, 2 * np.pi, 40))
    x = wide * np.sign(cosine) * np.abs(cosine) ** power
    y = tall * np.sign(sine) * np.abs(sine) ** power - 0.03
    return [
        np.stack([c[0] + x, c[1] + y, depth - 0.12 * (c[0] + x) ** 2], axis=1)
        for c in (left, right)
    ]


def _bars(rims: list[np.ndarray], yaw: float) -> list[np.ndarray]:
    """The bridge, and the temple bars that the turned head shows."""
    inner = rims[0][0], rims[1][20]
    bridge = (inner[0] + inner[1]) / 2 + [0, 0.05, 0.03]
    bars = [np.stack([inner[0], bridge, inner[1]])]
    for side, outer in ((-1, rims[0][20]), (1, rims[1][0])):
        if yaw * side > -0.15:
            bars.append(np.stack([outer, [side * EAR[0], outer[1] + 0.02, EAR[1]]]))
    return bars


def _lens_layer(share: np.ndarray, kind: str, rng: np.random.Generator) -> Layer:
    """Dark glass, or a faint reflection that grows to one corner."""
    if kind == "dark":
        return Layer(linear(rng.random(3) * 0.25), share * np.float32(rng.uniform(0.7, 0.97)))
    rows, columns = np.mgrid[-1 : 1 : share.shape[0] * 1j, -1 : 1 : share.shape[1] * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    wave = np.sin(rng.uniform(3, 9) * (rows * np.sin(angle) + columns * np.cos(angle)))
    glare = rng.uniform(0, 0.12) + rng.uniform(0, 0.15) * np.clip(wave, 0, 1) ** 4
    return Layer(np.array([0.8, 0.85, 0.9], np.float32), (share * glare).astype(np.float32))
