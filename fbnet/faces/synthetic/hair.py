"""Hair and eyebrows: style, hairline, shells of strands, hanging hair; the shape of the brows."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from fbnet.faces.synthetic.drawing import FACE_PATCH, Draws, sample
from fbnet.faces.synthetic.head import HAIR_SHELL, LOCKS, LONG_HAIR, Head
from fbnet.faces.synthetic.mesh import Surface, part_surface
from fbnet.faces.synthetic.raster import read
from fbnet.params import SyntheticParams

STRAND_WIDTH, STRAND_HEIGHT = 768, 384
"""The strand pictures cover all round the head and heights 5.2 to 8.6 decimetres."""
LOW, HIGH = 5.2, 8.6
"""These heights, decimetres."""
MEN = {"cropped": 0.15, "short": 0.46, "medium": 0.2, "afro": 0.06, "long": 0.05, "bald": 0.08}
WOMEN = {"cropped": 0.02, "short": 0.08, "medium": 0.24, "afro": 0.06, "long": 0.59, "bald": 0.01}
"""Share of each hair style."""
LENGTH = {
    "cropped": (0.015, 0.03),
    "short": (0.05, 0.14),
    "medium": (0.12, 0.3),
    "afro": (0.22, 0.5),
    "long": (0.1, 0.22),
}
"""How far the hair stands off the scalp, decimetres."""
EAR = (0.94, 1.33)
"""Angles from the front between which the ear lies: sideburns before it, the nape behind it."""
SHELLS = {"cropped": 1, "short": 3, "medium": 5, "afro": 6, "long": 4}
"""Copies of the scalp, one over the other, from which strands are cut."""
STRANDS = {"cropped": 2, "short": 0, "medium": 1, "afro": 2, "long": 1, "bald": 0}
"""Which of `strand_pictures` a style has."""
HAIR_REACH = 32
"""Texels that hairs and blur reach beyond the edges of a brow, at most."""
BROW_ACROSS = np.array([0.125, 0.24, 0.37, 0.495, 0.61])
BROW_UPPER = np.array([7.465, 7.505, 7.53, 7.50, 7.41])
BROW_LOWER = np.array([7.39, 7.42, 7.445, 7.425, 7.41])
"""The mean brow on the neutral head, inner to outer end: x, upper and lower y in decimetres."""


@dataclass(frozen=True, eq=False)
class HairStyle:
    """The hair of a person.

    name: a key of STRANDS; line [V]: height above the hairline of each template vertex,
    decimetres; length: decimetres; ragged: how far strands break the hairline; fall: height where
    hanging hair ends; parting: angle from the front where it begins; sweep: radians that strands
    move to the side on each decimetre down.
    """

    name: str
    line: np.ndarray
    length: float
    fringe: bool
    ragged: float
    shine: float
    fall: float
    parting: float
    sweep: float

    @property
    def covers(self) -> bool:
        """Whether there is hair at all."""
        return self.name != "bald"


def draw_hair(head: Head, draws: Draws, params: SyntheticParams, male: float) -> HairStyle:
    """Draw style, length and hairline of a person; male: 0..1."""
    rng = draws.person("hair")
    styles = MEN if rng.random() < male else WOMEN
    name = str(rng.choice(list(styles), p=list(styles.values())))
    fringe = bool(rng.random() < params.fringe) and name in ("short", "medium", "long")
    length = float(rng.uniform(*LENGTH.get(name, (0.0, 0.01))))
    ragged = rng.uniform(0.08, 0.3) if fringe else rng.uniform(0.03, 0.12)
    return HairStyle(
        name,
        _hairline(head, rng, fringe),
        length,
        fringe,
        float(ragged),
        float(rng.uniform(0.15, 0.6)),
        float(rng.uniform(4.8, 6.7)),
        float(rng.uniform(0.62, 1.2)),
        float(rng.normal(0, 0.8)),
    )


def _hairline(head: Head, rng: np.random.Generator, fringe: bool) -> np.ndarray:
    """Height of each vertex above the hairline: over the forehead, round the ears, to the nape."""
    angle, temple = np.abs(head.angle), rng.uniform(0.68, 0.84)
    top = rng.uniform(7.76, 8.0)
    recede = rng.uniform(0.05, 0.2)
    front = top - recede * (angle / temple) ** 2
    if fringe:
        lowest, part = rng.uniform(7.5, 7.72), rng.uniform(-0.5, 0.5)
        slope = rng.uniform(-0.12, 0.45)
        front = np.minimum(front, lowest + slope * np.abs(head.angle - part))
    edge, burn = top - recede, rng.uniform(6.95, 7.45)
    side = np.interp(
        angle,
        [temple, temple + 0.09, *EAR, EAR[1] + 0.12, 1.9],
        [edge, burn, burn, 7.25, 6.95, 6.6],
    )
    line = np.where(angle < temple, front, side)
    above = head.vertices[:, 1] - line
    return (above - 0.7 * (head.masks["ears"] > 0.3)).astype(np.float32)


def hair_shells(
    head: Head, vertices: np.ndarray, normals: np.ndarray, style: HairStyle
) -> list[Surface]:
    """Copies of the scalp further and further out; strands are cut from them while drawing."""
    if not style.covers:
        return []
    skin = head.skin
    # Not the triangles across the seam of the angle, at the nape.
    above = (style.line > -0.08)[skin]
    inside = above[:, 0] | above[:, 1] | above[:, 2]
    scalp = skin[inside & _off_seam(head)]
    count = SHELLS[style.name]
    taper = np.clip((style.line + 0.08) / 0.25, 0.2, 1)[:, None] * style.length
    shells = []
    for k in range(1, count + 1):
        out = k / count
        moved = vertices + normals * taper * out
        if style.name != "afro":
            moved[:, 1] -= 0.25 * style.length * out * out
        shells.append(part_surface(head, moved, scalp, HAIR_SHELL, out))
    return shells


@lru_cache(maxsize=2)
def _off_seam(head: Head) -> np.ndarray:
    """Which triangles of the skin do not span all angles, bool [m]."""
    return np.asarray(np.ptp(head.angle[head.skin], axis=1) < 3.5)


def hanging_hair(head: Head, vertices: np.ndarray, style: HairStyle) -> list[Surface]:
    """Long hair beside the face and behind the neck, drawn from both sides."""
    if style.name != "long":
        return []
    locks = head.triangles[head.part == LONG_HAIR]
    locks = locks[head.vertices[:, 1][locks].max(1) > style.fall - 0.3]
    return [part_surface(head, vertices, np.concatenate([locks, locks[:, [0, 2, 1]]]), LOCKS, 0.5)]


@lru_cache(maxsize=1)
def strand_pictures() -> tuple[np.ndarray, ...]:
    """Strand noise 0..1, float32 [384,768]: fine, long, curly, coarse curly."""
    rng = np.random.default_rng(7)
    spreads = ((1.4, 12.0), (1.8, 26.0), (1.8, 1.8), (2.8, 3.2))
    pictures = []
    for across, along in spreads:
        noise: np.ndarray = rng.random((STRAND_HEIGHT, STRAND_WIDTH)).astype(np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), sigmaX=across, sigmaY=along)
        noise = (noise - noise.mean()) / noise.std()
        pictures.append(0.5 * (1 + np.tanh(0.8 * noise)).astype(np.float32))
    return tuple(pictures)


def strand_place(
    angle: np.ndarray, height: np.ndarray, sweep: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of the strand pictures; in front, `sweep` slants the strands."""
    swept = angle + sweep * (height - 7.8) * np.clip(1.3 - np.abs(angle), 0, 1)
    x = (swept / np.pi + 1) / 2 * STRAND_WIDTH
    return x, (HIGH - height) / (HIGH - LOW) * STRAND_HEIGHT


def keep_strands(
    style: HairStyle, angle: np.ndarray, height: np.ndarray, line: np.ndarray, layer: np.ndarray
) -> np.ndarray:
    """Which shell fragments are hair: strands thin out outwards and end raggedly at the line."""
    x, y = strand_place(angle, height, style.sweep)
    column = np.clip(x.astype(np.int32), 0, STRAND_WIDTH - 1)
    row = np.clip(y.astype(np.int32), 0, STRAND_HEIGHT - 1)
    strand = read(strand_pictures()[STRANDS[style.name]].ravel(), row * STRAND_WIDTH + column)
    return (strand > 0.65 * layer - 0.05) & (line + (strand - 0.5) * style.ragged > 0)


def keep_locks(
    style: HairStyle, under_hat: bool, angle: np.ndarray, height: np.ndarray
) -> np.ndarray:
    """Which fragments of hanging hair are there: beside the parting, above the ends."""
    x, y = strand_place(4 * angle % np.pi, height)
    row, column = np.clip(y, 0, STRAND_HEIGHT - 1).astype(np.int32), x.astype(np.int32)
    strand = read(strand_pictures()[1].ravel(), row * STRAND_WIDTH + column % STRAND_WIDTH)
    ends = height > style.fall + 0.5 * (strand - 0.5)
    # Above the ears the curtain draws back to the parting on top of the head.
    edge = style.parting - 0.5 * np.clip((height - 7.5) / 0.6, 0, 1)
    kept = ends & (angle > edge + 0.15 * (strand - 0.5)) & (strand > 0.06)
    return kept & (height < 7.6) if under_hat else kept


def hair_albedo(
    style: HairStyle, colour: np.ndarray, angle: np.ndarray, height: np.ndarray, layer: np.ndarray
) -> np.ndarray:
    """Colour [n,3] of shell and hanging hair, darker near the scalp and between strands."""
    x, y = strand_place(angle, height, style.sweep)
    strand = sample(strand_pictures()[STRANDS[style.name]], x, y)
    shade = 0.3 + 0.9 * strand * (0.4 + 0.6 * layer)
    return colour[None] * shade[:, None]


@dataclass(frozen=True, eq=False)
class BrowShape:
    """Edges of one brow [5], inner to outer end, frontal x and y on the neutral head."""

    across: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    density: float
    darkness: float


def draw_brows(draws: Draws, male: float) -> BrowShape:
    """Draw height, thickness, arch, gap and length of a person's brows; male: 0..1."""
    rng = draws.person("brows")
    thick = rng.uniform(0.5, 1.05) + 0.25 * male
    middle = (BROW_UPPER + BROW_LOWER) / 2 + rng.uniform(-0.04, 0.04)
    middle = middle + rng.uniform(-0.5, 1.0) * 0.03 * np.sin(np.linspace(0, np.pi, 5))
    across = BROW_ACROSS + np.linspace(rng.uniform(-0.035, 0.03), rng.uniform(-0.04, 0.05), 5)
    half = (BROW_UPPER - BROW_LOWER) / 2 * thick
    return BrowShape(
        across, middle + half, middle - half, rng.uniform(0.45, 1.0), rng.uniform(0.6, 1.0)
    )


def brow_points(head: Head, shape: BrowShape, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Surface points of one brow (side 1 is the image's right): vertices [9,3], weights [9,3].

    Five along the upper edge, inner to outer end (the tip lies halfway), then four along the lower.
    """
    tip = (shape.upper[4] + shape.lower[4]) / 2
    x = side * np.concatenate([shape.across, shape.across[:4]])
    y = np.concatenate([shape.upper[:4], [tip], shape.lower[:4]])
    return head.frontal.cast(x, y)


def paint_brows(head: Head, shape: BrowShape, rng: np.random.Generator) -> np.ndarray:
    """Density of brow hair over the face patch, uint8."""
    density: np.ndarray = np.zeros(FACE_PATCH.shape, np.uint8)
    edges = [
        (_on_patch(head, side * shape.across, shape.upper),
         _on_patch(head, side * shape.across, shape.lower))
        for side in (1, -1)
    ]  # fmt: skip
    # Rows that the brows can reach with their hairs; all others stay empty.
    height = np.concatenate([line[:, 1] for pair in edges for line in pair])
    rows = slice(max(int(height.min()) - HAIR_REACH, 0), int(height.max()) + HAIR_REACH)
    for upper, lower in edges:
        outline = np.round(np.concatenate([upper, lower[::-1]]) * 8).astype(np.int32)
        fill: np.ndarray = np.zeros_like(density)
        cv2.fillPoly(fill, [outline], int(120 * shape.density), cv2.LINE_AA, 3)
        fill[rows] = cv2.GaussianBlur(fill[rows], (0, 0), 2.0)
        _hairs(fill, upper, lower, shape.density, rng)
        np.maximum(density, fill, out=density)
    density[rows] = cv2.GaussianBlur(density[rows], (0, 0), 1.0)
    return cv2.convertScaleAbs(density, alpha=shape.darkness)


def _on_patch(head: Head, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pixels [n,2] on FACE_PATCH of frontal places x, y [n]."""
    vertices, weights = head.frontal.cast(x, y)
    angle = (head.angle[vertices] * weights).sum(1)
    height = (head.vertices[:, 1][vertices] * weights).sum(1)
    return np.stack(FACE_PATCH.pixels(angle, height), axis=1)


def _hairs(
    canvas: np.ndarray,
    upper: np.ndarray,
    lower: np.ndarray,
    density: float,
    rng: np.random.Generator,
) -> None:
    """Short strokes along the brow, rising at the inner end; drawn onto `canvas`."""
    count = int(150 * density)
    along = rng.random(count) * 3.9
    step = along.astype(int)
    part = (along - step)[:, None]
    top = upper[step] * (1 - part) + upper[step + 1] * part
    bottom = lower[step] * (1 - part) + lower[step + 1] * part
    root = bottom + (top - bottom) * rng.random((count, 1))
    ahead = upper[step + 1] - upper[step]
    ahead = ahead / np.linalg.norm(ahead, axis=1, keepdims=True)
    tip = root + ahead * rng.uniform(6, 14, (count, 1))
    tip[:, 1] -= rng.uniform(0, 6, count) * (1 - along / 4)
    strokes = np.round(np.stack([root, tip], axis=1) * 8).astype(np.int32)
    for shade, group in zip((150, 200, 250), np.array_split(strokes, 3), strict=True):
        cv2.polylines(canvas, list(group), False, shade, 1, cv2.LINE_AA, 3)
