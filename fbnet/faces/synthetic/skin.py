"""Colours of the surfaces: skin, lips, beard, clothes, hair, hats, eyes."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from fbnet.faces.synthetic.camera import View
from fbnet.faces.synthetic.drawing import FACE_PATCH, Draws, cloud, display, linear, mix, sample
from fbnet.faces.synthetic.hair import hair_albedo, paint_brows
from fbnet.faces.synthetic.head import (
    CLOTH,
    HAIR_SHELL,
    HAT,
    LASHES,
    LOCKS,
    SKIN,
    TEETH,
    TONGUE,
    Head,
)
from fbnet.faces.synthetic.identity import Person
from fbnet.faces.synthetic.mesh import Points
from fbnet.faces.synthetic.subject import Subject

MOTTLE_WIDTH, MOTTLE_HEIGHT = 512, 256
MOTTLE_SCALE = MOTTLE_WIDTH / (2 * np.pi)
"""Texels a radian and a decimetre of the skin's noise pictures."""
ROSY = np.array([0.35, -0.55, -0.5], np.float32)
UNDER_EYES = np.array([0.6, 0.8, 0.55], np.float32)
"""How redness and shadows under the eyes change red, green and blue."""
MOUTH = linear((0.45, 0.16, 0.15)) * 0.35
"""Linear colour of the inside of the mouth."""
IRIS_ANGLE = 0.43
"""Half the angle the iris takes at the eyeball's centre, radians."""
SCLERA = (0.84, 0.81, 0.785)
"""Display value of the white; far from white, as photographs show it."""
FOREHEAD = np.arange(7.68, 7.95, 0.075)
"""Heights of its wrinkles."""
FOLD = ((0.24, 6.86), (0.33, 6.76), (0.39, 6.62), (0.40, 6.5))
"""The fold from nose to mouth, angle and height."""
CROW = (0.62, 7.29)
"""Where the wrinkles at the outer eye corner start."""


@dataclass(frozen=True, eq=False)
class Surfaced:
    """What the surface is like at each point.

    albedo: linear RGB float32 [n,3]; gloss, sharpness: strength and exponent of its highlights,
    float32 [n].
    """

    albedo: np.ndarray
    gloss: np.ndarray
    sharpness: np.ndarray


@lru_cache(maxsize=1)
def mottle() -> np.ndarray:
    """Four noise pictures that wrap round, float32 [256,512,4]: two coarse, two fine."""
    rng = np.random.default_rng(11)
    kinds = ((0.9, 6, 64), (0.7, 8, 256), (0.35, 24, 256), (0.1, 64, 256))
    pictures = [cloud(rng, MOTTLE_HEIGHT, MOTTLE_WIDTH, *kind) for kind in kinds]
    return np.stack(pictures, axis=2)


def colour_points(
    points: Points, subject: Subject, view: View, head: Head, draws: Draws
) -> Surfaced:
    """Albedo and shine of every point; the normals of the eyeballs are set, too."""
    person, hair, wear = subject.person, subject.hair, subject.wear
    albedo = np.zeros((len(points), 3), np.float32)
    gloss, sharpness = np.full(len(points), 0.4, np.float32), np.full(len(points), 18, np.float32)
    skin = points.of(SKIN)
    local = {name: values[skin] for name, values in points.attributes.items()}
    albedo[skin], gloss[skin] = _skin(local, subject, head, draws)
    shells = points.of(HAIR_SHELL, LOCKS)
    albedo[shells] = hair_albedo(
        hair, person.hair, points["angle"][shells], points["height"][shells], points.layer[shells]
    )
    gloss[shells], sharpness[shells] = hair.shine, 10
    hat, cloth = points.of(HAT), points.of(CLOTH)
    # Ribs of knitted hats, horizontal pleats of masks.
    ribs = (1 + 0.1 * np.sin(points["angle"][hat] * 90)).astype(np.float32)
    albedo[hat] = wear.hat_colour * ribs[:, None]
    pleats = 1 - 0.12 * np.clip(np.sin(points["height"][cloth] * 42), 0, 1) ** 6
    albedo[cloth] = wear.mask_colour * pleats[:, None]
    mouth = draws.person("mouth")
    for kind, colour in ((TEETH, (0.84, 0.80, 0.72)), (TONGUE, (0.68, 0.36, 0.36))):
        varied = np.array(colour) * mouth.uniform(0.8, 1.1) + mouth.normal(0, 0.02, 3)
        albedo[points.of(kind)] = linear(np.clip(varied, 0, 1))
    for kind, shine in ((TEETH, 0.8), (LASHES, 0), (HAT, 0.05), (CLOTH, 0.05)):
        gloss[points.of(kind)] = shine
    albedo[points.of(LASHES)] = 0.01
    pupil = float(draws.shot("pupil").uniform(0.12, 0.2))
    for eye in subject.eyes:
        ball = points.of(eye.part)
        turned = points.position[ball] @ view.camera.head.astype(np.float32)
        outward = turned + view.camera.pivot - eye.centre
        outward = outward / (np.sqrt((outward * outward).sum(1, keepdims=True)) + 1e-6)
        albedo[ball] = eye_albedo(outward, eye.gaze, person.iris, pupil)
        points.normal[ball] = outward @ view.camera.head.T.astype(np.float32)
        gloss[ball], sharpness[ball] = 1.6, 180
    return Surfaced(np.clip(albedo, 0.003, 1), gloss, sharpness)


def _skin(
    at: dict[str, np.ndarray], subject: Subject, head: Head, draws: Draws
) -> tuple[np.ndarray, np.ndarray]:
    """Albedo [n,3] and gloss [n] of the skin, from the ground up; at: attributes [n] by name."""
    person, hair = subject.person, subject.hair
    rng = draws.person("skin")
    x = (at["angle"] * MOTTLE_SCALE + rng.uniform(0, MOTTLE_WIDTH)) % MOTTLE_WIDTH
    y = (at["height"] * MOTTLE_SCALE + rng.uniform(0, MOTTLE_HEIGHT)) % MOTTLE_HEIGHT
    noise = sample(mottle(), x, y, wrap=True)
    albedo = _ground(at, noise, person, rng)
    gloss = np.full(len(albedo), rng.uniform(0.15, 0.6), np.float32) * (1 + 0.3 * noise[:, 2])
    albedo = _beard(albedo, at, noise, person, rng)
    albedo, gloss = _lips(albedo, gloss, at, person, rng)
    marks = FACE_PATCH.read(paint_marks(rng, person.age), at["angle"], at["height"])
    albedo *= 1 - 0.55 * marks[:, None]
    brow = FACE_PATCH.read(paint_brows(head, subject.brows, rng), at["angle"], at["height"])
    # Beyond the patch its border would be repeated, and the head's back is far from the brows.
    brow *= np.abs(at["angle"]) < FACE_PATCH.reach
    albedo = mix(albedo, person.hair * 0.7 + 0.004, brow)
    # The scalp under hair, or the shadow of shaven hair.
    shaven = rng.uniform(0.1, 0.45) * (rng.random() < 0.6)
    width, most = (0.08, 0.85) if hair.covers else (0.15, shaven)
    albedo = mix(albedo, person.hair, np.clip(at["line"] / width, 0, 1) * most)
    albedo = mix(albedo, MOUTH, np.clip(at["inside-mouth"], 0, 1))
    shirt = draws.shot("shirt")
    collar = at["height"] < shirt.uniform(5.65, 5.8) + 0.12 * np.cos(at["angle"])
    cloth = linear(shirt.random(3) * shirt.uniform(0.3, 1)) * (1 + 0.1 * noise[:, 2:3])
    return np.where(collar[:, None], cloth, albedo).astype(np.float32), gloss.clip(0.05, 2)


def _ground(
    at: dict[str, np.ndarray], noise: np.ndarray, person: Person, rng: np.random.Generator
) -> np.ndarray:
    """Bare skin with mottling, redness and shadows under the eyes."""
    bright = 1 + 0.03 * noise[:, 1] + rng.uniform(0.005, 0.03) * noise[:, 3]
    red = 0.07 * noise[:, 0] + rng.uniform(0.1, 1.4) * at["rosy"]
    under = rng.uniform(0, 0.35) * at["under_eyes"] + 0.12 * at["eyelids"]
    # Stored by colour: what is laid over it runs along the points, not over three colours.
    change = 1 + ROSY[:, None] * red - UNDER_EYES[:, None] * under
    light = (bright * np.clip(change, 0.3, 1.6)).astype(np.float32)
    return np.asarray((person.skin[:, None] * light).T)


def _beard(
    albedo: np.ndarray,
    at: dict[str, np.ndarray],
    noise: np.ndarray,
    person: Person,
    rng: np.random.Generator,
) -> np.ndarray:
    """Stubble to full beard, thinner on the cheeks of some."""
    chin = rng.uniform(0.4, 1)
    if not person.beard:
        return albedo
    edge = np.clip(at["beard"] + 0.15 * noise[:, 2] * at["beard"], 0, 1)
    share = edge * np.where(np.abs(at["angle"]) > 0.5, chin, 1) * (0.85 + 0.15 * noise[:, 3])
    return mix(albedo, person.hair * 1.1 + 0.002, np.clip(share * person.beard, 0, 0.95))


def _lips(
    albedo: np.ndarray,
    gloss: np.ndarray,
    at: dict[str, np.ndarray],
    person: Person,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Lips and lids, with make-up on some women."""
    natural = display(person.skin) * [0.88, 0.62, 0.62]
    painted = np.array([rng.uniform(0.45, 0.8), rng.uniform(0.05, 0.35), rng.uniform(0.1, 0.4)])
    colour = painted if person.made_up and rng.random() < 0.7 else natural
    share = np.clip((at["lips"] - 0.35) * 2.2, 0, 1) * rng.uniform(0.45, 0.9)
    albedo = mix(albedo, linear(colour), share)
    if person.made_up:
        shadow, strength = linear(rng.random(3) * 0.6), rng.uniform(0, 0.6)
        albedo = mix(albedo, shadow, at["eyelids"] * strength)
    return albedo, gloss + 0.5 * share


def eye_albedo(
    outward: np.ndarray, gaze: np.ndarray, iris: np.ndarray, pupil_angle: float
) -> np.ndarray:
    """Colour [n,3], linear, of eyeball points with unit vectors `outward` [n,3] (model frame)."""
    angle = np.arccos(np.clip(outward @ gaze, -1, 1))
    around = np.arctan2(outward[:, 1] - gaze[1], outward[:, 0] - gaze[0])
    fibres = (1 + 0.15 * np.sin(17 * around))[:, None].astype(np.float32)
    colour = np.empty((len(outward), 3), np.float32)
    colour[:] = linear(SCLERA)
    colour *= (1 - 0.12 * np.clip((angle - 0.75) / 0.5, 0, 1))[:, None]
    ring = 1 - 0.55 * np.exp(-(((angle - IRIS_ANGLE) / 0.06) ** 2))
    colour = mix(colour, iris * fibres, np.clip((IRIS_ANGLE - angle) / 0.05, 0, 1))
    colour *= ring[:, None]
    return mix(colour, np.float32(0.004), np.clip((pupil_angle - angle) / 0.04, 0, 1))


def paint_marks(rng: np.random.Generator, age: float) -> np.ndarray:
    """Freckles, moles and wrinkles over the face patch: darkness, uint8 (0 is bare skin)."""
    marks: np.ndarray = np.zeros(FACE_PATCH.shape, np.uint8)
    if age > 0.55:
        _wrinkles(marks, rng, min(1.0, (age - 0.5) * 2))
        marks = cv2.GaussianBlur(marks, (0, 0), 1.6)
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(10, 150))):
            angle, height = rng.normal(0, 0.45), rng.normal(7.0, 0.2)
            _dot(marks, angle, height, int(rng.integers(25, 90)), int(rng.integers(1, 3)))
    for _ in range(int(rng.integers(0, 4))):
        _dot(marks, rng.uniform(-1, 1), rng.uniform(6.3, 7.9), int(rng.integers(90, 190)), 2)
    return cv2.GaussianBlur(marks, (0, 0), 0.8)


def _dot(marks: np.ndarray, angle: float, height: float, shade: int, radius: int) -> None:
    """Paint a disc; radius in texels."""
    x, y = FACE_PATCH.pixels(np.asarray(angle), np.asarray(height))
    cv2.circle(marks, (int(x), int(y)), radius, shade, -1, cv2.LINE_AA)


def _line(marks: np.ndarray, places: np.ndarray, shade: float, width: int) -> None:
    """Paint a polyline through places [n,2] of angle and height; width in texels."""
    points = np.stack(FACE_PATCH.pixels(places[:, 0], places[:, 1]), axis=1)
    cv2.polylines(
        marks, [np.round(points * 8).astype(np.int32)], False, int(shade), width, cv2.LINE_AA, 3
    )


def _wrinkles(marks: np.ndarray, rng: np.random.Generator, strength: float) -> None:
    """Forehead lines, crow's feet and nose-to-mouth folds."""
    across = np.linspace(-0.5, 0.5, 16)
    for height in FOREHEAD:
        wave = 0.02 * np.sin(6 * across + rng.uniform(0, 6)) + rng.normal(0, 0.004, 16)
        _line(marks, np.stack([across, height + wave], axis=1), 110 * strength, 2)
    for side in (-1, 1):
        fold = np.array(FOLD) * [side, 1] + rng.normal(0, 0.01, 2)
        _line(marks, fold, 130 * strength, 3)
        for rise in (-0.09, -0.03, 0.04):
            start = np.array([side * CROW[0], CROW[1] + rise * 0.6])
            end = start + np.array([side * rng.uniform(0.1, 0.2), rise])
            _line(marks, np.stack([start, end]), 90 * strength, 2)
