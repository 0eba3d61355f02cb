"""One face from asset, params and number: the parts put together."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fbnet.faces.synthetic.camera import (
    Sensor,
    View,
    draw_camera,
    draw_crop,
    draw_sensor,
    photograph,
)
from fbnet.faces.synthetic.drawing import Draws, Layer
from fbnet.faces.synthetic.expression import Expression, Eyeball, draw_expression, find_eyes
from fbnet.faces.synthetic.hair import (
    BrowShape,
    HairStyle,
    draw_brows,
    draw_hair,
    hair_shells,
    hanging_hair,
    keep_locks,
    keep_strands,
)
from fbnet.faces.synthetic.head import CLOTH, HAIR_SHELL, HAT, LASHES, LOCKS, Head
from fbnet.faces.synthetic.identity import Person, draw_person
from fbnet.faces.synthetic.landmarks import LABELS, project_landmarks, surface_points
from fbnet.faces.synthetic.light import draw_light, expose, shade
from fbnet.faces.synthetic.mesh import Mesh, Points, gather, join
from fbnet.faces.synthetic.raster import Fragments, Keep, rasterise, vertex_normals
from fbnet.faces.synthetic.skin import colour_points
from fbnet.faces.synthetic.surroundings import draw_background, hand_layer, object_layer
from fbnet.faces.synthetic.wear import (
    Wear,
    draw_wear,
    glasses_layers,
    hat_surfaces,
    keep_hat,
    keep_mask,
    mask_surface,
)
from fbnet.params import SyntheticParams

PIVOT_DROP = 0.35
"""The head turns about a point this far below the root of the nose, decimetres."""
NOSE_ROOT = 72


@dataclass(frozen=True, eq=False)
class Face:
    """A rendered face.

    image uint8 [S,S,3] BGR, S = size + 2 * margin; landmarks float32 [P,2], x and y in units of
    the inner crop (0 and 1 are its edges, beyond lies the margin), P and order as params.points
    says; pose float32 [3] pitch, yaw, roll in radians; flags: what is in the picture;
    identity: number of the person.
    """

    image: np.ndarray
    landmarks: np.ndarray
    pose: np.ndarray
    flags: Mapping[str, bool]
    identity: int


@dataclass(frozen=True, eq=False)
class Subject:
    """The person in this picture, before the camera: vertices [V,3], landmarks [106,3] (model)."""

    person: Person
    brows: BrowShape
    expression: Expression
    hair: HairStyle
    wear: Wear
    eyes: list[Eyeball]
    vertices: np.ndarray
    points: np.ndarray


def render(
    head: Head, params: SyntheticParams, index: int, size: int = 112, margin: int = 24
) -> Face:
    """Face number `index`: a pure function of its arguments, whatever was rendered before."""
    identity = index // params.pictures_per_person
    draws = Draws(params.seed, identity, index)
    subject = draw_subject(head, params, draws)
    view, landmarks = aim(head, params, draws, subject, size, margin)
    light, brightness = _picture(head, params, draws, subject, view)
    layers = _layers(params, draws, subject, view, brightness)
    for layer in layers.values():
        for sheet in layer:
            light = sheet.over(light)
    sensor = draw_sensor(params, draws.shot("flaws"))
    image = photograph(light, sensor, draws.shot("sensor"))
    flags = _flags(subject, set(layers), sensor)
    return Face(image, landmarks, view.camera.angles, flags, identity)


def draw_subject(head: Head, params: SyntheticParams, draws: Draws) -> Subject:
    """Draw person, expression and dress, and shape the head."""
    person = draw_person(head, draws, params)
    expression = draw_expression(draws, params)
    vertices = head.morph({**person.weights, **expression.weights})
    brows = draw_brows(draws, person.male)
    hair = draw_hair(head, draws, params, person.male)
    eyes = find_eyes(head, vertices, expression)
    points = surface_points(head, vertices, brows, eyes)
    wear = draw_wear(draws, params)
    return Subject(person, brows, expression, hair, wear, eyes, vertices, points)


def aim(
    head: Head, params: SyntheticParams, draws: Draws, subject: Subject, size: int, margin: int
) -> tuple[View, np.ndarray]:
    """Draw camera and crop; the landmarks in units of the inner crop, float32 [P,2]."""
    pivot = float(subject.points[NOSE_ROOT, 1]) - PIVOT_DROP
    camera = draw_camera(draws, params, pivot)
    flat = project_landmarks(head, subject.vertices, subject.points, camera)
    labels = LABELS[params.points](flat)
    crop = draw_crop(draws, params, labels)
    view = View(camera, crop, size, margin, params.supersampling)
    return view, crop.units(labels).astype(np.float32)


def build_mesh(head: Head, subject: Subject, view: View, normals: np.ndarray) -> Mesh:
    """Head, hair, hat and mask, turned into place; normals [V,3] of the skin in the model frame."""
    vertices, wear = subject.vertices, subject.wear
    extra = hat_surfaces(head, vertices, normals, wear)
    extra += mask_surface(head, vertices, normals, wear)
    extra += hanging_hair(head, vertices, subject.hair)
    extra += hair_shells(head, vertices, normals, subject.hair)
    return join(head, vertices, extra, view.camera)


def draw_mesh(head: Head, mesh: Mesh, subject: Subject, view: View, lashes: float) -> Fragments:
    """Rasterise with strands and lashes cut out; lashes: their density, 0..1."""
    keep = cutouts(head, mesh, subject.hair, subject.wear, lashes)
    return rasterise(view.samples(mesh.points), mesh.triangles, view.side, view.side, keep)


def _picture(
    head: Head, params: SyntheticParams, draws: Draws, subject: Subject, view: View
) -> tuple[np.ndarray, float]:
    """Head before background in linear light [S,S,3], and the radiance of white there."""
    normals = vertex_normals(subject.vertices, head.triangles)
    mesh = build_mesh(head, subject, view, normals)
    lashes = draws.person("lashes").uniform(0.03, 0.1 + 0.12 * (1 - subject.person.male))
    fragments = draw_mesh(head, mesh, subject, view, float(lashes))
    placed = np.einsum("ni,ji->nj", normals, view.camera.head.astype(np.float32))
    points = gather(head, mesh, fragments, view, placed, subject.hair.line)
    surfaced = colour_points(
        points,
        subject.person,
        subject.brows,
        subject.hair,
        subject.wear,
        subject.eyes,
        view,
        head,
        draws,
    )
    rng = draws.shot("light")
    radiance = shade(points, surfaced, draw_light(rng), mesh, view)
    exposed, _ = expose(radiance, points, rng)
    background = draw_background(draws.shot("background"), view.stored)
    skin = float(np.median(exposed.mean(1))) / max(float(subject.person.skin.mean()), 0.02)
    return _compose(points, exposed, background), min(skin, 1.5)


def _compose(points: Points, colours: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Sum the colours by cover over the background, float32 [S,S,3]."""
    count = background.shape[0] * background.shape[1]
    cover = np.bincount(points.pixel, points.cover, count)
    front = [np.bincount(points.pixel, colours[:, i] * points.cover, count) for i in range(3)]
    total = np.stack(front, axis=1) + background.reshape(-1, 3) * (1 - cover[:, None])
    return total.reshape(background.shape).astype(np.float32)


def _layers(
    params: SyntheticParams, draws: Draws, subject: Subject, view: View, brightness: float
) -> dict[str, list[Layer]]:
    """What lies over the head, back to front, by name."""
    layers: dict[str, list[Layer]] = {}
    rng = draws.shot("occluders")
    if subject.wear.glasses:
        layers["glasses"] = glasses_layers(subject.points, view, subject.wear.glasses, rng)
    if rng.random() < params.objects:
        layers["object"] = [object_layer(view, brightness, rng)]
    if rng.random() < params.hands:
        layers["hand"] = [hand_layer(view, subject.person.skin, brightness, rng)]
    return layers


def _flags(subject: Subject, layers: set[str], sensor: Sensor) -> dict[str, bool]:
    """What the picture shows, for statistics and subsets."""
    person, hair, wear = subject.person, subject.hair, subject.wear
    return {
        "glasses": wear.glasses != "",
        "sunglasses": wear.glasses == "dark",
        "hat": wear.hat != "",
        "mask": wear.mask,
        "hand": "hand" in layers,
        "object": "object" in layers,
        "bald": not hair.covers,
        "long_hair": hair.name == "long",
        "fringe": hair.fringe and not wear.hat,
        "beard": person.beard > 0,
        "made_up": person.made_up,
        "eyes_shut": subject.expression.eyes_shut,
        "mouth_open": subject.expression.mouth_open,
        "blurred": sensor.blurred,
        "low_resolution": sensor.coarse,
        "grey": sensor.grey,
    }


def cutouts(head: Head, mesh: Mesh, hair: HairStyle, wear: Wear, lashes: float) -> Keep:
    """A filter for the rasteriser; lashes: their density, 0..1."""
    angle, beside, height = head.angle, np.abs(head.angle), head.vertices[:, 1]
    corners = mesh.source[mesh.triangles].T

    def keep(
        triangle: np.ndarray, second: np.ndarray, third: np.ndarray, pixel: np.ndarray
    ) -> np.ndarray:
        material = mesh.material[triangle]
        kept = np.ones(len(triangle), bool)
        for number, rule in rules.items():
            chosen = np.flatnonzero(material == number)
            if len(chosen):
                face, b, c = triangle[chosen], second[chosen], third[chosen]
                kept[chosen] = rule(face, b, c)
        lash = np.flatnonzero(material == LASHES)
        kept[lash] = _grain(pixel[lash]) < lashes
        return kept

    def read(values: np.ndarray, face: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        first, second, third = (values[corner][face] for corner in corners)
        return first + (second - first) * b + (third - first) * c

    def strands(*at: np.ndarray) -> np.ndarray:
        places = [read(values, *at) for values in (angle, height, hair.line)]
        kept = keep_strands(hair, places[0], places[1], places[2], mesh.layer[at[0]])
        return kept & ~keep_hat(wear, np.abs(places[0]), places[1]) if wear.hat else kept

    rules = {
        HAIR_SHELL: strands,
        LOCKS: lambda *at: keep_locks(hair, bool(wear.hat), read(beside, *at), read(height, *at)),
        HAT: lambda *at: keep_hat(wear, read(beside, *at), read(height, *at)),
        CLOTH: lambda *at: keep_mask(wear, read(beside, *at), read(height, *at)),
    }
    return keep


def _grain(pixel: np.ndarray) -> np.ndarray:
    """A fixed grain 0..1 over the picture: a hash of the place, whatever the order of drawing."""
    return (pixel.astype(np.uint32) * np.uint32(2654435761) >> np.uint32(16)) % 1000 / 1000
