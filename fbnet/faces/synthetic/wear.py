"""What people wear: hats and cloth masks as surfaces, glasses as flat layers."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from fbnet.faces.synthetic.camera import View
from fbnet.faces.synthetic.drawing import Draws, Layer, linear, shrink
from fbnet.faces.synthetic.head import CLOTH, HAT, SKIN, Head
from fbnet.faces.synthetic.mesh import Surface, part_surface
from fbnet.params import SyntheticParams

SMOOTHING, STRETCHING = 24, 6
"""Rounds of averaging that turn the face into the cloth over it, and that spread where it is held
up by nose and chin."""
CENTRES, BRIDGE, TIP = (34, 88), 72, 86
"""Landmarks that carry the glasses: eye centres, root and tip of the nose."""
EAR = (0.82, 0.35)
"""x and z of the hook over the ear, decimetres."""


@dataclass(frozen=True, eq=False)
class Wear:
    """What the person wears in this picture: kinds ("" for none), and the colours, linear RGB.

    hat_edge, mask_top: heights in front where the hat begins and the mask ends, decimetres.
    """

    hat: str
    mask: bool
    glasses: str
    hat_colour: np.ndarray
    mask_colour: np.ndarray
    hat_edge: float
    mask_top: float


def draw_wear(draws: Draws, params: SyntheticParams) -> Wear:
    """Draw hat, mask and glasses of one picture."""
    rng = draws.shot("wear")
    hat = str(rng.choice(["beanie", "cap"])) if rng.random() < params.hats else ""
    dark = "dark" if rng.random() < params.sunglasses else "clear"
    glasses = dark if rng.random() < params.glasses else ""
    mask = bool(rng.random() < params.masks)
    plain = [(0.62, 0.8, 0.9), (0.93, 0.93, 0.93), (0.1, 0.1, 0.12)]
    mask_colour = plain[rng.integers(3)] if rng.random() < 0.7 else rng.random(3)
    hat_colour = rng.random(3) * rng.uniform(0.3, 1)
    edge, top = float(rng.uniform(7.68, 7.85)), float(rng.uniform(6.9, 7.1))
    return Wear(hat, mask, glasses, linear(hat_colour), linear(mask_colour), edge, top)


def hat_surfaces(
    head: Head, vertices: np.ndarray, normals: np.ndarray, wear: Wear
) -> list[Surface]:
    """A beanie, or a cap with its brim; `keep_hat` cuts its edge while drawing."""
    if not wear.hat:
        return []
    height, skin = head.vertices[:, 1], head.skin
    covered = keep_hat(wear, np.abs(head.angle), height)[skin].any(1)
    covered &= head.masks["ears"][skin].max(1) < 0.3
    stand_off = np.clip(0.06 + 0.25 * (height - 7.7), 0.05, 0.25)[:, None]
    raised = vertices + normals * stand_off
    surfaces = [part_surface(head, raised, skin[covered], HAT)]
    return [*surfaces, _brim(head, raised, wear.hat_edge)] if wear.hat == "cap" else surfaces


def keep_hat(wear: Wear, angle: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Which places the hat covers, at angles from the front (0..pi): lower at the sides."""
    return height > wear.hat_edge - 0.25 * np.clip((angle - 0.9) / 0.5, 0, 1)


def keep_mask(wear: Wear, angle: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Which places the cloth mask covers: from the nose to under the chin, narrower at the side."""
    below = height < wear.mask_top - 0.22 * np.maximum(angle, 0) ** 1.5
    return below & (height > 6.1 + 0.25 * angle**2) & (angle < 1.2)


def _brim(head: Head, raised: np.ndarray, edge: float) -> Surface:
    """A curved strip in front of the cap's edge, seen from above and below."""
    angles = np.linspace(-0.95, 0.95, 16)
    distance = np.abs(head.angle - angles[:, None]) + 3 * np.abs(head.vertices[:, 1] - edge - 0.05)
    distance += 9 * (head.masks["ears"] > 0.2) + 99 * ~_is_skin(head)
    root = raised[distance.argmin(1)]
    reach = np.stack(
        [0.1 * np.sin(angles), -0.05 - 0.125 * np.cos(angles), 0.75 * np.sqrt(np.cos(angles))],
        axis=1,
    )
    points = np.stack([root, root + reach], axis=1).reshape(-1, 3).astype(np.float32)
    first = 2 * np.arange(15)[:, None]
    upper = np.concatenate([first + np.array([0, 1, 2]), first + np.array([2, 1, 3])])
    top = int(np.where(_is_skin(head), head.vertices[:, 1], -9).argmax())
    source = np.full(len(points), top)
    return Surface(points, np.concatenate([upper, upper[:, [0, 2, 1]]]), source, HAT)


@lru_cache(maxsize=2)
def _is_skin(head: Head) -> np.ndarray:
    """Whether each vertex belongs to the skin."""
    return np.isin(np.arange(len(head.vertices)), head.triangles[head.part == SKIN])


@lru_cache(maxsize=2)
def _neighbours(head: Head) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directed skin edges near the face (from, to), and the number of each vertex's edges [V]."""
    skin = head.skin
    near = skin[(head.vertices[:, 2][skin].min(1) > 0.3) & (head.vertices[:, 1][skin].min(1) > 5.9)]
    pairs = np.concatenate([near[:, [0, 1]], near[:, [1, 2]], near[:, [2, 0]]])
    pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    start, end = np.ascontiguousarray(pairs.T)
    return start, end, np.bincount(start, minlength=len(head.vertices))


def mask_surface(
    head: Head, vertices: np.ndarray, normals: np.ndarray, wear: Wear
) -> list[Surface]:
    """A cloth over nose and mouth: the smoothed face, a little further out."""
    if not wear.mask:
        return []
    skin = head.skin
    chosen = keep_mask(wear, np.abs(head.angle), head.vertices[:, 1])[skin].any(1)
    chosen &= head.vertices[:, 2][skin].min(1) > 0.3
    chosen &= head.masks["inside-mouth"][skin].max(1) < 0.5
    cloth = (vertices + 0.07 * normals).astype(np.float64)
    cloth = _averaged(head, cloth, SMOOTHING)
    # Averaging sinks into nose and chin: lift to above the skin, the neighbours with it.
    lift = np.clip(0.04 - ((cloth - vertices) * normals).sum(1, keepdims=True), 0.02, None)
    for _ in range(STRETCHING):
        lift = np.maximum(lift, _averaged(head, lift, 2))
    cloth = (cloth + normals * lift).astype(np.float32)
    return [part_surface(head, cloth, skin[chosen], CLOTH)]


def _averaged(head: Head, values: np.ndarray, rounds: int) -> np.ndarray:
    """Values [V,k] by vertex, near the face replaced by the mean of their neighbours'."""
    start, end, degree = _neighbours(head)
    moved = np.flatnonzero(degree)
    columns = np.array(values.T)
    for _ in range(rounds):
        for column in columns:
            total = np.bincount(start, column[end], len(column))
            column[moved] = total[moved] / degree[moved]
    return columns.T


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
