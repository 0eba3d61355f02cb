"""The head asset: a neutral head, its targets and the places of the landmarks.

Model frame: x to the right of a viewer in front, y up, z towards the viewer; decimetres.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.synthetic.raster import FrontalMap

VERSION = 2
"""Of the file's arrays: raised when they change, so that an old file is refused."""
HEAD_FILE = "head.npz"
SKIN, LEFT_EYE, RIGHT_EYE, TEETH, TONGUE, LASHES, LONG_HAIR = range(7)
"""Parts of the baked mesh. Left and right are the person's own."""
HAIR_SHELL, LOCKS, HAT, CLOTH = range(7, 11)
"""Materials of surfaces built around the head: hair shells, hanging hair, hats, cloth masks."""
MASKS = ("lips", "eyelids", "face", "ears", "inside-mouth")
"""Regions of the skin that the file marks."""
CONTOUR = (
    1, 9, 10, 11, 12, 13, 14, 15, 16, 2, 3, 4, 5, 6, 7, 8, 0,
    24, 23, 22, 21, 20, 19, 18, 32, 31, 30, 29, 28, 27, 26, 25, 17,
)  # fmt: skip
"""The 33 contour points, NNI order, from the image-left temple over the chin to the right one."""

DENSE = 0.25
"""Share of vertices from which on a target is cheaper to add as a whole."""
TEMPLE_RISE = 0.125
"""How much higher than 300W's the contour of JD's 106 points begins, decimetres; measured, see
docs/synthetic.md."""


def split_quads(quads: np.ndarray) -> np.ndarray:
    """Triangles [2f,3] of quads [f,4]: first halves, then second halves."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Head:
    """The asset as arrays.

    vertices float32 [V,3]; triangles int64 [T,3]; part int [T]; masks name -> float32 [V] 0..1;
    occlusion float32 [V] (share of the sky seen, 0..1); targets float32 [N,3,V] and their names;
    landmark_vertices [106,3] with weights (zeros for derived points), NNI order;
    slide_vertices [33,16,3] with weights: from each contour point towards the nose.
    """

    folder: str
    vertices: np.ndarray
    triangles: np.ndarray
    part: np.ndarray
    masks: Mapping[str, np.ndarray]
    occlusion: np.ndarray
    target_names: tuple[str, ...]
    targets: np.ndarray
    landmark_vertices: np.ndarray
    landmark_weights: np.ndarray
    slide_vertices: np.ndarray
    slide_weights: np.ndarray

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """Pickle as the path: a worker reads the file again instead of receiving 30 MB."""
        return load_head, (self.folder,)

    @cached_property
    def target_index(self) -> Mapping[str, int]:
        """Row of each target in `targets`, by name."""
        return {name: row for row, name in enumerate(self.target_names)}

    @cached_property
    def sparse_targets(self) -> list[tuple[np.ndarray | slice, np.ndarray]]:
        """Each target's flat places in [3,V] that it moves, and by how much: few, for most."""
        flat = self.targets.reshape(len(self.targets), -1)
        places: list[np.ndarray | slice] = [np.flatnonzero(target) for target in flat]
        for number, target in enumerate(flat):
            if np.count_nonzero(target) > DENSE * target.size:
                places[number] = slice(None)
        return [(place, target[place]) for place, target in zip(places, flat, strict=True)]

    @cached_property
    def skin(self) -> np.ndarray:
        """Triangles of the skin, int64 [m,3]."""
        return self.triangles[self.part == SKIN]

    @cached_property
    def angle(self) -> np.ndarray:
        """Angle of each vertex about the vertical axis, 0 in front, radians (-pi..pi)."""
        return np.arctan2(self.vertices[:, 0], self.vertices[:, 2] - 0.15).astype(np.float32)

    @cached_property
    def frontal(self) -> FrontalMap:
        """Ray casts from the front onto the neutral skin."""
        return FrontalMap.of(self.vertices, self.skin)

    @cached_property
    def temples(self) -> tuple[np.ndarray, np.ndarray]:
        """Slide rows of JD's contour ends, image left and right: vertices and weights [2,16,3].

        They lie TEMPLE_RISE above the first and last of `slide_vertices` on the neutral face.
        """
        corners, weights = self.slide_vertices[[0, -1]], self.slide_weights[[0, -1]]
        places = (self.vertices[corners] * weights[..., None]).sum(2).reshape(-1, 3)
        corners, shares = self.frontal.cast(places[:, 0], places[:, 1] + TEMPLE_RISE)
        return corners.reshape(2, -1, 3), shares.reshape(2, -1, 3)

    @cached_property
    def eye_vertices(self) -> Mapping[int, np.ndarray]:
        """Numbers of the vertices of each eyeball, by part."""
        return {
            part: np.unique(self.triangles[self.part == part]) for part in (LEFT_EYE, RIGHT_EYE)
        }

    def morph(self, weights: Mapping[str, float]) -> np.ndarray:
        """The neutral head plus weighted targets, float32 [V,3]. Unknown names raise KeyError."""
        moved = np.zeros(self.vertices.size, np.float32)
        for name, weight in weights.items():
            number = self.target_index[name]
            if abs(weight) > 1e-3:
                place, values = self.sparse_targets[number]
                moved[place] += values * np.float32(weight)
        return self.vertices + moved.reshape(3, -1).T


def load_head(folder: str | Path) -> Head:
    """Read `folder`/head.npz. Raises BadInput when it is missing, broken or of another version."""
    path = Path(folder) / HEAD_FILE
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; restore it from git (`git checkout data`)") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"{path}: not a readable .npz ({error}); restore it from git") from None
    version = int(arrays.get("version", np.array(0)))
    if version != VERSION:
        raise BadInput(f"{path}: version {version}, need {VERSION}; run tools/bake_head.py")
    try:
        return _head(str(folder), arrays)
    except KeyError as error:
        raise BadInput(f"{path}: no array {error}; run tools/bake_head.py") from None


def _head(folder: str, arrays: Mapping[str, np.ndarray]) -> Head:
    """The head of the file's arrays, in the types that the renderer uses."""
    masks = arrays["masks"].astype(np.float32) / 255
    return Head(
        folder=folder,
        vertices=arrays["vertices"],
        triangles=split_quads(arrays["quads"]),
        part=np.tile(arrays["part"].astype(np.int32), 2),
        masks=dict(zip(arrays["mask_names"].tolist(), masks, strict=True)),
        occlusion=arrays["occlusion"].astype(np.float32) / 255,
        target_names=tuple(arrays["target_names"].tolist()),
        targets=arrays["targets"].astype(np.float32) * arrays["target_step"],
        landmark_vertices=arrays["landmark_vertices"].astype(np.int64),
        landmark_weights=arrays["landmark_weights"],
        slide_vertices=arrays["slide_vertices"].astype(np.int64),
        slide_weights=arrays["slide_weights"],
    )
