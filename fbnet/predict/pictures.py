"""Pictures, read from files and bytes and written, with OpenCV."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from fbnet.errors import BadInput
from fbnet.faces.crop import eight_bits
from fbnet.faces.headers import cut_short, picture_size
from fbnet.files import read_bytes, write_bytes

LARGEST = 2**30
"""Bytes of the largest file of a picture."""
MOST_PIXELS = 150_000_000
"""Pixels of the largest picture that is decoded: 450 MB."""
_silence = threading.Lock()
"""Held while what decoders say goes nowhere."""


def read_picture(path: Path) -> np.ndarray:
    """A picture, uint8 [H, W, 3] BGR. Raises BadInput that names the file when it is broken.

    Its size is taken from the header before anything is decoded; see `MOST_PIXELS`.
    """
    return decode_picture(read_bytes(path, LARGEST), str(path))


def decode_picture(data: bytes, what: str) -> np.ndarray:
    """The picture uint8 [H, W, 3] BGR in the bytes of a file; messages name it by `what`.

    More than 8 bits are scaled as `fetch` does. A JPEG with damaged bytes is decoded as far as that
    goes: what libjpeg says of it does not tell it from a sound one with bytes to spare. Raises as
    `read_picture` does.
    """
    _stated_size(data, what)
    try:
        with _decoders_silent():
            depth = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), depth)
    except cv2.error:
        picture = None
    if picture is None or cut_short(data) or not np.isfinite(picture.max()):
        raise BadInput(f"{what}: broken, or no picture; replace it or leave it out")
    return eight_bits(np.asarray(picture))


@contextmanager
def _decoders_silent() -> Iterator[None]:
    """A block in which file descriptor 2 leads nowhere: libpng, libjpeg and OpenCV write to it.

    Of one thread at a time, since all threads share it.
    """
    with _silence:
        try:
            kept = os.dup(2)
        except OSError:  # there is no standard error
            yield
            return
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _stated_size(data: bytes, what: str) -> tuple[int, int]:
    """Width and height of a picture as the header of its file states them.

    Raises BadInput that names what is no picture, or one that is too large.
    """
    size = picture_size(data)
    if size is None or min(size) < 1:
        raise BadInput(f"{what}: broken, or no picture; replace it or leave it out")
    if size[0] * size[1] > MOST_PIXELS:
        raise BadInput(
            f"{what}: {size[0]} x {size[1]} pixels; at most {MOST_PIXELS // 10**6} million are "
            "taken: make it smaller"
        )
    return size


def size_of(path: Path) -> tuple[int, int]:
    """Width and height that a picture's file states; raises as `read_picture` does."""
    return _stated_size(read_bytes(path, LARGEST), str(path))


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a PNG in one step."""
    _, data = cv2.imencode(".png", picture)
    write_bytes(path, data.tobytes())
