"""Faces from asset, params and number: the parts put together, one after the other or many."""

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import cv2
import numpy as np

from fbnet.errors import Failure, safe_point
from fbnet.faces.synthetic.camera import (
    Sensor,
    View,
    draw_camera,
    draw_crop,
    draw_sensor,
    photograph,
)
from fbnet.faces.synthetic.drawing import Draws, Layer
from fbnet.faces.synthetic.hair import (
    hair_shells,
    hanging_hair,
    keep_locks,
    keep_strands,
)
from fbnet.faces.synthetic.head import CLOTH, HAIR_SHELL, HAT, LASHES, LOCKS, Head
from fbnet.faces.synthetic.landmarks import LABELS, own_points, project_landmarks
from fbnet.faces.synthetic.light import draw_light, expose, shade
from fbnet.faces.synthetic.mesh import Mesh, join, shading_points
from fbnet.faces.synthetic.raster import Fragments, Keep, rasterise, read, vertex_normals
from fbnet.faces.synthetic.sight import openness, visible
from fbnet.faces.synthetic.skin import colour_points
from fbnet.faces.synthetic.subject import Subject, draw_subject
from fbnet.faces.synthetic.surroundings import draw_background, hand_layer, object_layer
from fbnet.faces.synthetic.wear import (
    glasses_layers,
    hat_surfaces,
    keep_hat,
    keep_mask,
    mask_surface,
)
from fbnet.landmarks import Place
from fbnet.params import CROP_SCALE, SyntheticParams
from fbnet.processes import Pool

PIVOT_DROP = 0.35
"""The head turns about a point this far below the root of the nose, decimetres."""
NOSE_ROOT = 72
"""Landmark at the root of the nose."""
CHUNK = 4
"""Faces a worker renders in one go: few, for at the end the others wait for the last one."""
AHEAD = 6
"""Chunks per worker under way or waiting to be taken."""
_render: Callable[[int], "Face"] | None = None
"""Gives a face by its number in a worker, set by `_start`."""


@dataclass(frozen=True, eq=False)
class Face:
    """A rendered face.

    image uint8 [S,S,3] BGR, S = size + 2 * margin; landmarks float32 [P,2], x and y in units of
    the inner crop (0 and 1 are its edges, beyond lies the margin), P and order as params.points
    says; pose float32 [3] pitch, yaw, roll in radians; visible bool [P] and openness float32 [3]
    as in `fbnet.faces.synthetic.sight`; flags: what is in the picture; identity: number of the
    person.
    """

    image: np.ndarray
    landmarks: np.ndarray
    pose: np.ndarray
    visible: np.ndarray
    openness: np.ndarray
    flags: Mapping[str, bool]
    identity: int


def render(
    head: Head,
    params: SyntheticParams,
    index: int,
    size: int = 112,
    margin: int = 24,
    crop_scale: float = CROP_SCALE,
    places: Sequence[Place] = (),
) -> Face:
    """Face number `index`: a pure function of its arguments, whatever was rendered before.

    crop_scale: side of the crop in units of the longer side of the landmarks' box. places: where
    the landmarks lie, in place of those of `params.points`.
    """
    identity = index // params.pictures_per_person
    draws = Draws(params.seed, identity, index)
    subject = draw_subject(head, params, draws)
    view, landmarks, labels = aim(head, params, draws, subject, size, margin, crop_scale, places)
    scene = build_scene(head, draws, subject, view)
    light, brightness = light_scene(head, params, draws, subject, view, scene)
    layers = draw_layers(params, draws, subject, view, brightness)
    for layer in layers.values():
        for sheet in layer:
            light = sheet.over(light)
    sensor = draw_sensor(params, draws.shot("flaws"))
    image = photograph(light, sensor, draws.shot("sensor"))
    seen = visible(labels, view, scene.mesh, scene.fragments, [*chain(*layers.values())])
    flags = _flags(subject, set(layers), sensor)
    angles, open_ = view.camera.angles, openness(subject.points)
    return Face(image, landmarks, angles, seen, open_, flags, identity)


def aim(
    head: Head,
    params: SyntheticParams,
    draws: Draws,
    subject: Subject,
    size: int,
    margin: int,
    crop_scale: float = CROP_SCALE,
    places: Sequence[Place] = (),
) -> tuple[View, np.ndarray, np.ndarray]:
    """Draw camera and crop.

    The landmarks follow, float32 [P,2] in units of the inner crop, and [P,3] in the camera's plane
    and in depth.
    """
    pivot = float(subject.points[NOSE_ROOT, 1]) - PIVOT_DROP
    camera = draw_camera(draws, params, pivot)
    seen = project_landmarks(head, subject.vertices, subject.points, camera)
    if places:
        labels = own_points(places, seen, subject.vertices, camera)
    else:
        labels = LABELS[params.points](seen)
    # JD's labels begin at the temples; the crop is drawn as if their contour were 300W's.
    box = seen.points if params.points == 106 and not places else labels
    crop = draw_crop(draws, params, box, crop_scale)
    view = View(camera, crop, size, margin, params.supersampling)
    return view, crop.units(labels).astype(np.float32), labels


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
    keep = cutouts(head, mesh, subject, lashes)
    cut = np.isin(mesh.material, (HAIR_SHELL, LOCKS, HAT, CLOTH, LASHES))
    return rasterise(view.samples(mesh.points), mesh.triangles, view.side, view.side, keep, cut)


@dataclass(frozen=True, eq=False)
class Scene:
    """What stands before the camera. normals [V,3]: of the skin in the model frame."""

    normals: np.ndarray
    mesh: Mesh
    fragments: Fragments


def build_scene(head: Head, draws: Draws, subject: Subject, view: View) -> Scene:
    """The mesh of the subject, and what of it the camera sees."""
    normals = vertex_normals(subject.vertices, head.triangles)
    mesh = build_mesh(head, subject, view, normals)
    lashes = draws.person("lashes").uniform(0.03, 0.1 + 0.12 * (1 - subject.person.male))
    return Scene(normals, mesh, draw_mesh(head, mesh, subject, view, float(lashes)))


def light_scene(
    head: Head, params: SyntheticParams, draws: Draws, subject: Subject, view: View, scene: Scene
) -> tuple[np.ndarray, float]:
    """Head before background in linear light [S,S,3], and the radiance of white there."""
    mesh, fragments = scene.mesh, scene.fragments
    placed = np.einsum("ni,ji->nj", scene.normals, view.camera.head.astype(np.float32))
    points = shading_points(head, mesh, fragments, view, placed, subject.hair.line)
    surfaced = colour_points(points, subject, view, head, draws)
    rng = draws.shot("light")
    radiance = shade(points, surfaced, draw_light(rng), mesh, view)
    exposed = expose(radiance, points, rng)
    grey = (exposed[:, 0] + exposed[:, 1] + exposed[:, 2]) / 3
    brightness = float(np.median(grey)) / max(float(subject.person.skin.mean()), 0.02)
    # Sum the colours by cover over the background.
    background = draw_background(draws.shot("background"), view.stored)
    count = view.stored**2
    cover = np.bincount(points.pixel, points.cover, count)
    front = [np.bincount(points.pixel, exposed[:, i] * points.cover, count) for i in range(3)]
    total = np.stack(front, axis=1) + background.reshape(-1, 3) * (1 - cover[:, None])
    return total.reshape(background.shape).astype(np.float32), min(brightness, 1.5)


def draw_layers(
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


def cutouts(head: Head, mesh: Mesh, subject: Subject, lashes: float) -> Keep:
    """What the rasteriser keeps: strands of hair, lashes, hats and masks up to their edges.

    lashes: their density, 0..1.
    """
    hair, wear = subject.hair, subject.wear
    angle, height = head.angle, np.ascontiguousarray(head.vertices[:, 1])
    beside, source = np.abs(angle), read(mesh.source, np.ascontiguousarray(mesh.triangles.T))

    def keep(
        triangle: np.ndarray, second: np.ndarray, third: np.ndarray, pixel: np.ndarray
    ) -> np.ndarray:
        material = read(mesh.material, triangle)
        kept = np.ones(len(triangle), bool)
        for number, rule in rules.items():
            chosen = np.flatnonzero(material == number)
            if len(chosen):
                face = read(triangle, chosen)
                corners = [read(corner, face) for corner in source]
                kept[chosen] = rule(face, corners, read(second, chosen), read(third, chosen))
        lash = np.flatnonzero(material == LASHES)
        # A fixed grain over the picture: a hash of the place, whatever the order of drawing.
        grain = pixel[lash].astype(np.uint32) * np.uint32(2654435761) >> np.uint32(16)
        kept[lash] = grain % 1000 / 1000 < lashes
        return kept

    def at(
        values: np.ndarray, corners: Sequence[np.ndarray], b: np.ndarray, c: np.ndarray
    ) -> np.ndarray:
        first, second, third = (read(values, corner) for corner in corners)
        return first + (second - first) * b + (third - first) * c

    def strands(face: np.ndarray, *place: Any) -> np.ndarray:
        places = [at(values, *place) for values in (angle, height, hair.line)]
        kept = keep_strands(hair, places[0], places[1], places[2], read(mesh.layer, face))
        return kept & ~keep_hat(wear, np.abs(places[0]), places[1]) if wear.hat else kept

    rules = {
        HAIR_SHELL: strands,
        LOCKS: lambda _, *to: keep_locks(hair, bool(wear.hat), at(beside, *to), at(height, *to)),
        HAT: lambda _, *to: keep_hat(wear, at(beside, *to), at(height, *to)),
        CLOTH: lambda _, *to: keep_mask(wear, at(beside, *to), at(height, *to)),
    }
    return keep


def render_many(
    head: Head,
    params: SyntheticParams,
    indices: Iterable[int],
    size: int = 112,
    margin: int = 24,
    workers: int = 1,
    crop_scale: float = CROP_SCALE,
    places: Sequence[Place] = (),
) -> Iterator[Face]:
    """Yield the faces of `indices` in order; `workers` processes, none but this one if 1.

    Workers are spawned, so a script that calls this needs the usual `if __name__ == "__main__"`.
    """
    work = partial(
        render, head, params, size=size, margin=margin, crop_scale=crop_scale, places=places
    )
    if workers <= 1:
        yield from map(work, indices)
        return
    numbers = [int(index) for index in indices]
    with Pool(workers, _start, (work,)) as pool:
        waiting: deque[Future[list[Face]]] = deque()
        try:
            for start in range(0, len(numbers), CHUNK):
                waiting.append(pool.submit(_render_chunk, numbers[start : start + CHUNK]))
                if len(waiting) >= AHEAD * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool:
            safe_point()  # a stop signal ends workers as well
            raise Failure(
                "a process that renders faces was killed, perhaps for its memory: lower "
                "fetch.workers"
            ) from None
        finally:
            for future in waiting:
                future.cancel()


def _start(work: Callable[[int], Face]) -> None:
    """Set a worker up; one thread each, as the processes are the parallelism."""
    global _render
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent ends its workers
    cv2.setNumThreads(1)
    _render = work


def _render_chunk(indices: list[int]) -> list[Face]:
    """Render in a worker that `_start` has set up."""
    if _render is None:
        raise RuntimeError("the worker was not started by render_many")
    return [_render(index) for index in indices]
