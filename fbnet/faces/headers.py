"""What the file of a picture states before anything is decoded: its size, how it is turned."""

import struct
from collections.abc import Callable
from itertools import islice

Size = tuple[int, int]
"""Width and height in pixels."""
START_OF_SCAN, END = 0xDA, b"\xff\xd9"
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's start-of-frame markers: all of C0 to CF but DHT, JPG and DAC."""

WIDTH, HEIGHT, ORIENTATION = 256, 257, 274
"""Tags of a TIFF."""
SHORT = 3
"""The type of a TIFF's value of 16 bits."""


def picture_size(data: bytes) -> Size | None:
    """Width and height, as the header of a BMP, JPEG, PNG, PPM, TIFF or WebP states them.

    data: the file, or as much of its start as holds the header. None for anything else.
    """
    for magic, reader in READERS.items():
        if data.startswith(magic):
            try:
                return reader(data)
            except (struct.error, IndexError, ValueError):
                return None
    return None


def cut_short(data: bytes) -> bool:
    """Whether a JPEG lacks its end, which OpenCV fills with grey. Of other formats OpenCV tells."""
    scan = _jpeg_segments(data).get(START_OF_SCAN) if data.startswith(b"\xff\xd8") else None
    return scan is not None and data.find(END, scan) < 0


def tiff_orientation(data: bytes) -> int:
    """How a TIFF is to be turned, as EXIF numbers it (1 to 8); 1 for all else.

    Of other formats OpenCV reads it.
    """
    if READERS.get(data[:4]) is not _tiff:
        return 1
    try:
        value = _tiff_values(data).get(ORIENTATION, 1)
    except (struct.error, IndexError):
        return 1
    return value if 1 <= value <= 8 else 1


def _png(data: bytes) -> Size:
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _bmp(data: bytes) -> Size:
    if struct.unpack("<I", data[14:18])[0] == 12:
        width, height = struct.unpack("<HH", data[18:22])
    else:
        width, height = struct.unpack("<ii", data[18:26])
    return width, abs(height)


def _jpeg_segments(data: bytes) -> dict[int, int]:
    """Where the segments begin, by marker, up to the first scan; those inside thumbnails not."""
    segments: dict[int, int] = {}
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD8:  # filling, or no length
            at += 1 if marker == 0xFF else 2
            continue
        segments.setdefault(marker, at)
        if marker == START_OF_SCAN:
            break
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return segments


def _jpeg(data: bytes) -> Size | None:
    starts = [at for marker, at in _jpeg_segments(data).items() if marker in FRAMES]
    if not starts:
        return None
    height, width = struct.unpack(">HH", data[starts[0] + 5 : starts[0] + 9])
    return width, height


def _ppm(data: bytes) -> Size:
    lines = (line.split(b"#")[0] for line in data[2:4096].splitlines())
    width, height = islice((int(word) for line in lines for word in line.split()), 2)
    return width, height


def _tiff(data: bytes) -> Size | None:
    values = _tiff_values(data)
    return (values[WIDTH], values[HEIGHT]) if {WIDTH, HEIGHT} <= values.keys() else None


def _tiff_values(data: bytes) -> dict[int, int]:
    """Whole numbers of the first directory, by tag.

    It must lie in `data`; of a long file it may be at the end.
    """
    order = "<" if data.startswith(b"II") else ">"
    at = struct.unpack(order + "I", data[4:8])[0]
    values = {}
    for entry in range(struct.unpack(order + "H", data[at : at + 2])[0]):
        start = at + 2 + 12 * entry
        tag, kind = struct.unpack(order + "HH", data[start : start + 4])
        if tag in (WIDTH, HEIGHT, ORIENTATION):
            form = order + ("H" if kind == SHORT else "I")
            values[tag] = struct.unpack_from(form, data, start + 8)[0]
    return values


def _webp(data: bytes) -> Size | None:
    if data[8:12] != b"WEBP":
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        bits = struct.unpack("<I", data[21:25])[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (value & 0x3FFF for value in struct.unpack("<HH", data[26:30]))
    return width, height


READERS: dict[bytes, Callable[[bytes], Size | None]] = {
    b"\x89PNG\r\n\x1a\n": _png,
    b"\xff\xd8": _jpeg,
    b"BM": _bmp,
    b"P3": _ppm,
    b"P6": _ppm,
    b"P5": _ppm,
    b"II*\x00": _tiff,
    b"MM\x00*": _tiff,
    b"RIFF": _webp,
}
"""Readers of headers by the first bytes of the file."""
