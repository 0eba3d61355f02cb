"""Face crops: cut from a photograph as NNI does, and warped again for training and scoring."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.faces.headers import tiff_orientation
from fbnet.files import read_bytes
from fbnet.landmarks import Scheme

PICTURE_SUFFIXES = (".jpg", ".png", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm")
"""Endings of the names of pictures, in lower case."""
LARGEST_PICTURE = 512 * 2**20
"""Bytes that the file of a picture may have."""
BITS = (8, 10, 12, 14, 16)
"""How many bits of a pixel's number may be in use."""
EXIF_WITHIN = 128 * 2**10
"""Bytes from the start of a file within which its EXIF data begin."""
FURTHEST = 0.5
"""How far outside the picture a point may lie, in units of the landmarks' box."""
SMALLEST = 8.0
"""Shortest side of a usable landmarks' box in pixels."""
JITTER = 2
"""Keeps the draws of the jitter apart from those of training (`fbnet.training`)."""

TURN_BACK: Mapping[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda picture: picture,
    2: lambda picture: picture[:, ::-1],
    3: lambda picture: picture[::-1, ::-1],
    4: lambda picture: picture[::-1],
    5: lambda picture: picture.swapaxes(0, 1),
    6: lambda picture: np.rot90(picture),
    7: lambda picture: picture[::-1, ::-1].swapaxes(0, 1),
    8: lambda picture: np.rot90(picture, -1),
}
"""What undoes a picture's being turned upright, by EXIF's number of its orientation."""


def load_picture(path: Path, stored: bool = False) -> np.ndarray:
    """A picture as OpenCV reads it, uint8 [H, W, 3] BGR, upright by its EXIF tag.

    stored: as its pixels are stored, whatever the tag says. More than 8 bits are scaled by the
    range that the picture uses. Raises BadInput when it is broken or no picture.
    """
    turn = cv2.IMREAD_IGNORE_ORIENTATION if stored else 0
    try:
        data = np.frombuffer(read_bytes(path, LARGEST_PICTURE), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | turn)
        # OpenCV turns a TIFF all the same.
        if stored and picture is not None:
            picture = TURN_BACK[tiff_orientation(bytes(data))](picture)
    except (cv2.error, BadInput):
        picture = None
    if picture is None or not np.isfinite(picture.max()):
        raise BadInput(
            f"picture {path.name} is broken or no picture; replace it or remove its label"
        )
    return eight_bits(np.ascontiguousarray(picture))


def eight_bits(picture: np.ndarray) -> np.ndarray:
    """Pixels of any type as uint8. Cameras store 10, 12 or 14 bits in 16: the range in use tells.

    Numbers with a fraction run from 0 to 1, or from 0 to the largest.
    """
    if picture.dtype == np.uint8:
        return picture
    largest = float(picture.max())
    if picture.dtype.kind == "f":
        top = max(largest, 1.0)
    else:
        top = next((2.0**bits - 1 for bits in BITS if largest < 2**bits), largest)
    return np.rint(np.clip(picture, 0, top) * (255 / top)).astype(np.uint8)


def may_be_turned(path: Path) -> bool:
    """Whether a picture says that it is to be turned, or holds EXIF data, which may say so."""
    with open(path, "rb") as stream:
        head = stream.read(EXIF_WITHIN)
    if head[:2] in (b"II", b"MM"):  # a TIFF, whose directory may be at its end
        return tiff_orientation(read_bytes(path, LARGEST_PICTURE)) > 1
    return b"Exif\0\0" in head or b"eXIf" in head or b"EXIF" in head


def follows_stored(
    points: np.ndarray, upright: np.ndarray, stored: np.ndarray, scheme: Scheme
) -> bool:
    """Whether points [P, 2] in pixels belong to the picture as stored, not to the upright one.

    They do where they lie outside the one only, else where the eyes are not level.
    """
    beyond = [
        np.nanmax(np.maximum(-points, points - (picture.shape[1] - 1, picture.shape[0] - 1)))
        for picture in (upright, stored)
    ]
    if min(beyond) <= 0 < max(beyond):
        return beyond[1] <= 0
    x, y = points[scheme.eyes[1]] - points[scheme.eyes[0]]
    return bool(x < abs(y))


def fingerprint(picture: np.ndarray) -> np.ndarray:
    """What pictures of one photograph share, uint8 [80]: see `fbnet.faces.duplicates`.

    256 bits say which of two neighbours of 17 x 16 grey pixels is brighter; 4 x 4 colours follow.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    coarse = cv2.resize(grey, (17, 16), interpolation=cv2.INTER_AREA)
    colours = cv2.resize(picture, (4, 4), interpolation=cv2.INTER_AREA)
    return np.concatenate([np.packbits(coarse[:, 1:] > coarse[:, :-1]), colours.ravel()])


def face_box(points: np.ndarray, scale: float) -> tuple[np.ndarray, float]:
    """Centre (x, y) and side of the square around points [P, 2]: `scale` times the longer side.

    Points that are NaN were not seen.
    """
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    return (low + high) / 2, float(scale * (high - low).max())


def check_points(points: np.ndarray, picture: np.ndarray) -> None:
    """Raise BadInput when points [P, 2] in pixels cannot belong to this picture."""
    height, width = picture.shape[:2]
    extent = float((np.nanmax(points, axis=0) - np.nanmin(points, axis=0)).max())
    if extent < SMALLEST:
        raise BadInput(f"the points span {extent:.1f} pixels only; remove the face")
    beyond = np.maximum(-points, points - (width - 1, height - 1)).max(axis=1)
    worst = int(np.nanargmax(beyond))
    if beyond[worst] > FURTHEST * extent:
        x, y = points[worst]
        raise BadInput(
            f"point {worst} at ({x:.0f}, {y:.0f}) lies far outside the picture of {width} x "
            f"{height} pixels; fix the label or the picture"
        )


def cut(
    picture: np.ndarray, points: np.ndarray, size: int, margin: int, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a face out of a photograph.

    The inner crop is the square of `face_box` at `size` pixels; `margin` more are kept on each
    side, black beyond the photograph. points: [P, 2] in pixels,
    whole numbers being pixel centres.
    Returns uint8 [S, S, 3] with S = size + 2 * margin, and landmarks float32 [P, 2] in units of
    the inner crop.
    """
    centre, side = face_box(points, scale)
    extent = max(round(side * (size + 2 * margin) / size), 1)
    corner = np.rint(centre - (extent - 1) / 2).astype(int)
    return _resize(_region(picture, corner, extent), points + 0.5 - corner, size, margin)


def fit(picture: np.ndarray, shares: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Bring a face that is cropped already to `size`; points as shares of its side.

    Returns as `cut` does, without a margin. Raises BadInput when the picture is not square.
    """
    height, width = picture.shape[:2]
    if height != width:
        raise BadInput(
            f"a cropped face must be square, this is {width} x {height} pixels; crop anew"
        )
    return _resize(picture, shares * width, size, 0)


def _region(picture: np.ndarray, corner: np.ndarray, extent: int) -> np.ndarray:
    """The square of `extent` pixels from `corner` (x, y) on, black beyond the picture."""
    height, width = picture.shape[:2]
    left, top = (int(value) for value in corner)
    region = np.zeros((extent, extent, 3), np.uint8)
    rows = slice(max(top, 0), min(top + extent, height))
    columns = slice(max(left, 0), min(left + extent, width))
    part = picture[rows, columns]
    if part.size:
        y, x = rows.start - top, columns.start - left
        region[y : y + part.shape[0], x : x + part.shape[1]] = part
    return region


def _resize(
    region: np.ndarray, points: np.ndarray, size: int, margin: int
) -> tuple[np.ndarray, np.ndarray]:
    """Scale a square region and points [P, 2], in pixels from its edge, to size + 2 * margin."""
    side, extent = size + 2 * margin, region.shape[0]
    if side != extent:
        quality = cv2.INTER_AREA if side < extent else cv2.INTER_LINEAR
        region = cv2.resize(region, (side, side), interpolation=quality)
    return region, ((points * (side / extent) - margin) / size).astype(np.float32)


def affine_matrix(
    size: int, margin: int, angle: float, scale: float, shift: np.ndarray, flip: bool
) -> np.ndarray:
    """Affine matrix [2, 3] from pixels of the stored picture to pixels of the crop.

    Around the centre: flip left-right, scale, turn by `angle` radians (clockwise as seen), then
    shift by shares of `size`.
    """
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    side = -1.0 if flip else 1.0
    linear = np.array([[side * cosine, -sine], [side * sine, cosine]])
    centre = (size - 1) / 2
    offset = centre + np.asarray(shift) * size - linear @ np.full(2, centre + margin)
    return np.column_stack([linear, offset])


def warp_image(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """The crop uint8 [size, size, 3] that `matrix` cuts out; black where there is no picture."""
    # Four channels warp twice as fast as three, the conversions included.
    padded = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
    warped = cv2.warpAffine(padded, matrix, (size, size), flags=cv2.INTER_LINEAR)
    return cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR)


def warp_points(landmarks: np.ndarray, matrix: np.ndarray, size: int, margin: int) -> np.ndarray:
    """Landmarks [P, 2] in crop units carried along by `matrix`, float32; numbers unchanged."""
    pixels = landmarks.astype(np.float64) * size + (margin - 0.5)  # cv2 counts from pixel centres
    return ((pixels @ matrix[:, :2].T + matrix[:, 2] + 0.5) / size).astype(np.float32)


def jittered(
    faces: FaceSet, indices: Any, amount: float = 0.1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Crops shifted and scaled by up to `amount` of the crop's side, as a detector's boxes are.

    Returns uint8 [n, size, size, 3] BGR and float32 landmarks [n, P, 2] in units of those crops.
    A face's draw depends on (seed, its index) only.
    """
    order = np.asarray(indices, dtype=np.int64)
    images = np.empty((len(order), faces.size, faces.size, 3), np.uint8)
    landmarks = np.empty((len(order), faces.points, 2), np.float32)
    for row, index in enumerate(order):
        draws = np.random.default_rng([seed, 0, int(index), JITTER]).uniform(-amount, amount, 3)
        matrix = affine_matrix(faces.size, faces.margin, 0.0, 1.0 + draws[0], draws[1:], False)
        images[row] = warp_image(faces.images[index], matrix, faces.size)
        landmarks[row] = warp_points(faces.landmarks[index], matrix, faces.size, faces.margin)
    return images, landmarks
