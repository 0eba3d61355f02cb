"""Light: sky, one to three lamps, the first with a shadow, and the shade of narrow places."""

from dataclasses import dataclass

import cv2
import numpy as np

from fbnet.faces.synthetic.camera import View
from fbnet.faces.synthetic.drawing import linear
from fbnet.faces.synthetic.head import CLOTH, HAIR_SHELL, HAT, SKIN, TEETH, TONGUE
from fbnet.faces.synthetic.mesh import Mesh, Points
from fbnet.faces.synthetic.raster import depth_map, read
from fbnet.faces.synthetic.skin import Surfaced

SHADOW_SIDE = 144
"""Pixels of the shadow map."""
SHADOW_REACH = 1.7
"""Half its side, decimetres."""
BIAS = 0.06
"""How far a point may lie behind the map and still be lit, decimetres."""
WRAP = np.array([0.30, 0.14, 0.08], np.float32)
"""Light that creeps round the edge of shadow under the skin, by colour."""
TAPS = ((-1.0, -0.4), (-0.4, 1.0), (0.4, -1.0), (1.0, 0.4), (0.0, 0.0))
"""Where the shadow map is read about a point, for a soft edge."""


@dataclass(frozen=True, eq=False)
class Lamp:
    """A far lamp. direction: unit vector to it (y up, z to the viewer); colour: linear RGB."""

    direction: np.ndarray
    colour: np.ndarray


@dataclass(frozen=True, eq=False)
class Light:
    """The light of one picture.

    sky, ground: linear RGB of the light from above and below; shine: strength of highlights, 0.3
    to 1.5.
    """

    sky: np.ndarray
    ground: np.ndarray
    lamps: list[Lamp]
    shine: float


def draw_light(rng: np.random.Generator) -> Light:
    """Draw the light of one picture."""
    strength = rng.uniform(0.25, 0.9)
    sky = strength * linear(rng.uniform(0.45, 0.95) * 0.9 + 0.05) * _tint(rng, 0.08)
    ground = strength * linear(rng.uniform(0.3, 0.8)) * _tint(rng, 0.08)
    lamps = []
    for number in range(int(rng.integers(1, 4))):
        around = rng.uniform(-1.6, 1.6) if number == 0 else rng.uniform(-2.6, 2.6)
        up = rng.uniform(-0.1, 1.2)
        direction = [np.sin(around) * np.cos(up), np.sin(up), np.cos(around) * np.cos(up)]
        power = rng.uniform(0.4, 1.5) if number == 0 else rng.uniform(0.1, 0.7)
        lamps.append(Lamp(np.array(direction, np.float32), power * _tint(rng, 0.08)))
    return Light(sky, ground, lamps, float(rng.uniform(0.3, 1.5)))


def _tint(rng: np.random.Generator, spread: float) -> np.ndarray:
    """White with a slight warm or cold cast, and a little of any."""
    warm = rng.normal(0, spread)
    colour = 1 + np.array([warm, 0, -warm]) + rng.normal(0, 0.3 * spread, 3)
    return np.clip(colour, 0.5, 1.5).astype(np.float32)


def shade(points: Points, surfaced: Surfaced, light: Light, mesh: Mesh, view: View) -> np.ndarray:
    """Radiance of every point, linear RGB [n,3], not yet exposed."""
    occlusion = _ambient_occlusion(points, view)
    # One row for each colour: operations run along the points, not over three colours.
    sky, ground, wrap = light.sky[:, None], light.ground[:, None], WRAP[:, None]
    up = (points.normal[:, 1] + 1) / 2
    front = 0.3 + 0.35 * (points.normal[:, 2] + 1)
    diffuse = (sky * up + ground * (1 - up)) * front * occlusion
    shine = np.zeros((3, len(points)), np.float32)
    soft = np.sqrt(occlusion)
    fresnel = 1 + 3 * (0.04 + 0.96 * (1 - np.clip(points.normal[:, 2], 0, 1)) ** 5)
    for number, lamp in enumerate(light.lamps):
        facing = points.normal @ lamp.direction
        lit = _lit(points, lamp, mesh) if number == 0 else np.float32(1)
        received = np.clip((facing + wrap) / (1 + wrap), 0, 1) * lamp.colour[:, None]
        diffuse += received * (lit * soft)
        highlight = _highlight(points, surfaced, lamp, facing) * fresnel * lit * soft
        shine += highlight * lamp.colour[:, None]
    radiance = surfaced.albedo.T * diffuse + shine * light.shine
    return np.ascontiguousarray(radiance.T)


def _highlight(points: Points, surfaced: Surfaced, lamp: Lamp, facing: np.ndarray) -> np.ndarray:
    """Blinn-Phong highlight [n], normalised so that sharper is brighter."""
    half = lamp.direction + np.array([0, 0, 1], np.float32)
    half /= max(float(np.linalg.norm(half)), 1e-3)
    peak = np.clip(points.normal @ half, 0, 1) ** surfaced.sharpness
    strength = surfaced.gloss * (surfaced.sharpness + 8) / 25 * 0.035
    return peak * strength * np.clip(4 * facing, 0, 1)


def _ambient_occlusion(points: Points, view: View) -> np.ndarray:
    """Share of the surrounding light that reaches each point [n], 0..1: baked, then by depth."""
    baked = 0.25 + 0.75 * points["sky"]
    baked[points.of(HAT, CLOTH, HAIR_SHELL)] = 1
    baked[points["inside-mouth"] > 0.5] *= 0.55
    # Baked with the mouth shut; an open one lets light on the teeth.
    baked[points.of(TEETH)], baked[points.of(TONGUE)] = 0.6, 0.35
    return (baked * _screen_space_occlusion(points, view)).astype(np.float32)


def _screen_space_occlusion(points: Points, view: View) -> np.ndarray:
    """Factor [n], smaller where the surroundings on the picture stand in front of the point."""
    depth, filled = np.zeros((2, view.stored**2), np.float32)
    depth[points.pixel], filled[points.pixel] = points.position[:, 2], 1
    shape = (view.stored, view.stored)
    shade = np.ones(len(points), np.float32)
    for radius, strength in ((0.05, 0.6), (0.15, 0.4)):
        window = (int(2 * radius * view.scale / view.supersampling) | 1,) * 2
        total = cv2.blur(cv2.blur(depth.reshape(shape), window), window)
        weight = cv2.blur(cv2.blur(filled.reshape(shape), window), window)
        mean = (total / np.maximum(weight, 1e-3)).ravel()[points.pixel]
        shade *= np.exp(-strength * np.clip((mean - points.position[:, 2]) / radius, 0, 1.3))
    return shade


def _lit(points: Points, lamp: Lamp, mesh: Mesh) -> np.ndarray:
    """Share of the lamp each point sees, from a shadow map, 0..1."""
    side = np.cross([0.0, 1.0, 0.0], lamp.direction)
    side /= np.linalg.norm(side)
    basis = np.stack([side, np.cross(lamp.direction, side), lamp.direction]).astype(np.float32)
    scale = SHADOW_SIDE / 2 / SHADOW_REACH

    def flat(places: np.ndarray) -> np.ndarray:
        turned = np.einsum("ni,ji->nj", places, basis)
        middle = SHADOW_SIDE / 2
        return np.stack(
            [middle + turned[:, 0] * scale, middle - turned[:, 1] * scale, turned[:, 2]], axis=1
        )

    casters = np.isin(mesh.material, (SKIN, HAT, CLOTH))
    casters |= (mesh.material == HAIR_SHELL) & (mesh.layer > 0.5) & (mesh.layer < 0.8)
    depth = depth_map(flat(mesh.points), mesh.triangles[casters], SHADOW_SIDE, SHADOW_SIDE, -9)
    x, y, z = np.ascontiguousarray(flat(points.position + BIAS * points.normal).T)
    reach, lit = z + BIAS, np.zeros(len(points), np.float32)
    for right, down in TAPS:
        column = np.clip((x + right).astype(np.int64), 0, SHADOW_SIDE - 1)
        row = np.clip((y + down).astype(np.int64), 0, SHADOW_SIDE - 1)
        lit += read(depth, row * SHADOW_SIDE + column) < reach
    return lit / np.float32(len(TAPS))


def expose(radiance: np.ndarray, points: Points, rng: np.random.Generator) -> np.ndarray:
    """Scale so that the skin comes out middling bright, and roll off the highlights."""
    skin = radiance[points.of(SKIN)] @ np.array([0.3, 0.6, 0.1], np.float32)
    middle = float(np.median(skin)) if len(skin) else 0.3
    gain = rng.uniform(0.75, 1.25) * 0.33 / max(0.08, middle) ** 0.75
    bright = np.clip(radiance * np.float32(gain), 0, None)
    return np.clip(bright / (1 + 0.6 * np.clip(bright - 0.6, 0, None)), 0, 1)
