"""Clips of rendered people as a webcam films them: noise and JPEG, and where every landmark is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from benchmarks.video import CLIP_FPS
from fbnet.faces.synthetic import Head
from fbnet.faces.synthetic.camera import Crop, Sensor, View, make_camera, photograph
from fbnet.faces.synthetic.drawing import Draws, Layer
from fbnet.faces.synthetic.landmarks import LABELS, project_landmarks
from fbnet.faces.synthetic.scene import (
    NOSE_ROOT,
    PIVOT_DROP,
    build_scene,
    draw_layers,
    light_scene,
)
from fbnet.faces.synthetic.subject import Subject, draw_subject
from fbnet.faces.synthetic.surroundings import hand_layer
from fbnet.params import CROP_SCALE, SyntheticParams

SIDE = 384
"""Side of a frame in pixels."""
CROPS = (96, 128, 160, 200)
"""Sides of the face crop in pixels, in turn: from a face across the room to one at the desk."""
DISTANCE = 10.0
"""From the lens to the head, decimetres."""
NOISE, QUALITY = (2.0, 6.0), (60, 90)
"""Range of the noise's standard deviation in grey levels, and of the JPEG quality, by person."""
PARAMS = SyntheticParams(seed=18, hands=0.0, objects=0.0, masks=0.0)


@dataclass(frozen=True)
class Moment:
    """Where head and hand are.

    angles: pitch, yaw, roll in degrees. moved: the head, right and down, in decimetres. hand: how
    far right of the face's middle it is, in face sides; None for no hand.
    """

    angles: tuple[float, float, float] = (0.0, 0.0, 0.0)
    moved: tuple[float, float] = (0.0, 0.0)
    hand: float | None = None


def _wave(time: float, period: float) -> float:
    return float(np.sin(2 * np.pi * time / period))


def still(time: float) -> Moment:
    """Nothing moves."""
    return Moment()


def slow(time: float) -> Moment:
    """The head turns and nods at leisure, at most 47 degrees a second."""
    return Moment((8 * _wave(time, 5), 30 * _wave(time, 4), 4 * _wave(time, 3)))


def fast(time: float) -> Moment:
    """The head shakes, at most 220 degrees a second, and moves a third of a face to either side."""
    turned = (5 * _wave(time, 0.8), 35 * _wave(time, 1.0), 5 * _wave(time, 1.3))
    return Moment(turned, (0.6 * _wave(time, 1.6), 0.2 * _wave(time, 1.1)))


def hand(time: float) -> Moment:
    """The head sways; a hand comes within 0.2 s, covers the face for 0.5 s and goes."""
    beside = float(np.interp(time, (1.0, 1.2, 1.7, 1.9), (-2.0, 0.0, 0.0, 2.0)))
    return Moment((2 * _wave(time, 3), 4 * _wave(time, 2), 0.0), hand=beside)


KINDS: Mapping[str, tuple[Callable[[float], Moment], float]] = {
    "still": (still, 3.0),
    "slow": (slow, 4.0),
    "fast": (fast, 3.0),
    "hand": (hand, 3.0),
}
"""What happens in a clip, and its length in seconds."""


@dataclass(frozen=True, eq=False)
class Clip:
    """T frames as JPEG files, and where the landmarks are.

    data: uint8, the files one after the other; sizes: of each in bytes. landmarks: float32
    [T, 106, 2] in pixels, whole numbers being pixel centres.
    """

    data: np.ndarray
    sizes: np.ndarray
    landmarks: np.ndarray

    def frames(self) -> list[np.ndarray]:
        """The frames uint8 BGR [SIDE, SIDE, 3]."""
        files = np.split(self.data, np.cumsum(self.sizes)[:-1])
        return [np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR)) for file in files]


def film(head: Head, kind: str, number: int) -> Clip:
    """The clip of a kind with the person of a number: a pure function of both."""
    motion, seconds = KINDS[kind]
    draws = Draws(PARAMS.seed, number, number)
    subject, rng = draw_subject(head, PARAMS, draws), draws.shot("film")
    noise, quality = rng.uniform(*NOISE), int(rng.integers(*QUALITY))
    files, landmarks = [], []
    taken: dict[Moment, tuple[np.ndarray, np.ndarray]] = {}
    for index in range(round(seconds * CLIP_FPS)):
        moment = motion(index / CLIP_FPS)
        if moment not in taken:
            taken = {moment: take(head, subject, draws, moment, CROPS[number % len(CROPS)])}
        picture, points = taken[moment]
        grain = rng.normal(0, noise, picture.shape)
        noisy = np.clip(np.rint(picture + grain), 0, 255).astype(np.uint8)
        files.append(cv2.imencode(".jpg", noisy, (cv2.IMWRITE_JPEG_QUALITY, quality))[1].ravel())
        landmarks.append(points)
    sizes = np.array([len(file) for file in files])
    return Clip(np.concatenate(files), sizes, np.array(landmarks, np.float32))


def take(
    head: Head, subject: Subject, draws: Draws, moment: Moment, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """A frame before noise, uint8 BGR [SIDE, SIDE, 3], and its landmarks [106, 2] in pixels.

    size: side of the face crop in pixels, of the head that looks ahead.
    """
    height = float(subject.points[NOSE_ROOT, 1]) - PIVOT_DROP
    ahead = project_landmarks(
        head, subject.vertices, subject.points, make_camera(np.zeros(3), height, DISTANCE)
    )
    low, high = ahead.points.min(axis=0)[:2], ahead.points.max(axis=0)[:2]
    side = CROP_SCALE * float((high - low).max())
    crop = Crop((low + high) / 2 - np.array(moment.moved), side)
    camera = make_camera(np.radians(moment.angles), height, DISTANCE)
    view = View(camera, crop, size, (SIDE - size) // 2, PARAMS.supersampling)
    seen = project_landmarks(head, subject.vertices, subject.points, camera)
    landmarks = crop.units(LABELS[106](seen)) * size + view.margin - 0.5
    scene = build_scene(head, draws, subject, view)
    light, brightness = light_scene(head, PARAMS, draws, subject, view, scene)
    layers = [*chain(*draw_layers(PARAMS, draws, subject, view, brightness).values())]
    if moment.hand is not None:
        layer = hand_layer(view, subject.person.skin, brightness, draws.shot("hand"))
        layers.append(_moved(layer, moment.hand * size))
    for layer in layers:
        light = layer.over(light)
    sensor = Sensor(blurred=False, coarse=False, grey=False, jpeg=False, noise=0.0)
    return photograph(light, sensor, draws.shot("sensor")), landmarks


def _moved(layer: Layer, beside: float) -> Layer:
    """A hand with its fingers' middle in the frame's, and so many pixels to the right of it."""
    upper = layer.share[: 3 * SIDE // 5]
    rows, columns = np.nonzero(upper > 0.5) if (upper > 0.5).any() else np.nonzero(layer.share)
    right, down = SIDE / 2 - columns.mean() + beside, SIDE / 2 - rows.mean()
    matrix = np.array([(1.0, 0.0, right), (0.0, 1.0, down)])
    colour, share = (
        cv2.warpAffine(values, matrix, (SIDE, SIDE), borderMode=border)
        for values, border in (
            (layer.colour, cv2.BORDER_REPLICATE),
            (layer.share, cv2.BORDER_CONSTANT),
        )
    )
    return Layer(colour, share)


def save(clips: Mapping[str, Clip], path: Path) -> None:
    """Write clips by name into one .npz file."""
    arrays = {f"{n}.{f.name}": getattr(c, f.name) for n, c in clips.items() for f in fields(Clip)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as stream:
        np.savez(stream, **arrays)


def load(path: Path) -> dict[str, Clip]:
    """The clips of a file that `save` wrote."""
    with np.load(path) as arrays:
        names = dict.fromkeys(name.rsplit(".", 1)[0] for name in arrays.files)
        return {n: Clip(*(arrays[f"{n}.{f.name}"] for f in fields(Clip))) for n in names}
