"""Photographs that are in a data set twice, by content: scaled, compressed or named anew."""

from collections.abc import Sequence

import numpy as np

from fbnet.faces.split import numbered

BITS = 256
"""Bits of a fingerprint; what follows are colours."""
BANDS = 8
"""Equal parts of the bits: two fingerprints are compared where one part is the same."""
BITS_APART = 10
"""Bits by which fingerprints of one photograph may differ."""
COLOURS_APART = 8.0
"""Mean difference of their colours, of 255."""
FEWEST_EDGES = 16
"""Bits that are set, or not set, at least: a picture of one colour is like any other."""
NEIGHBOURS = 8
"""How many pictures with an equal part each is compared with."""


def duplicates(fingerprints: np.ndarray, groups: Sequence[str]) -> list[tuple[int, int]]:
    """(face, earlier face) pairs of one photograph that are in different groups, sorted.

    fingerprints: uint8 [N, 80] of `fbnet.faces.crop.fingerprint`. groups: of each face.
    """
    bits, colours = fingerprints[:, : BITS // 8], fingerprints[:, BITS // 8 :].astype(np.int16)
    edges = np.unpackbits(bits, axis=1).sum(axis=1)
    usable = np.flatnonzero(np.minimum(edges, BITS - edges) >= FEWEST_EDGES)
    names = numbered(groups)
    pairs: set[tuple[int, int]] = set()
    for band in np.split(bits, BANDS, axis=1):
        part = np.ascontiguousarray(band).view(np.uint32).ravel()
        order = usable[np.argsort(part[usable], kind="stable")]
        for step in range(1, NEIGHBOURS + 1):
            one, other = order[:-step], order[step:]
            same = (part[one] == part[other]) & (names[one] != names[other])
            one, other = one[same], other[same]
            apart = np.unpackbits(bits[one] ^ bits[other], axis=1).sum(axis=1)
            shades = np.abs(colours[one] - colours[other]).mean(axis=1)
            close = (apart <= BITS_APART) & (shades <= COLOURS_APART)
            ends = np.sort(np.stack([one[close], other[close]]), axis=0)
            pairs.update((int(late), int(early)) for early, late in ends.T)
    return sorted(pairs)


def merged(groups: Sequence[str], pairs: Sequence[tuple[int, int]]) -> list[str]:
    """The groups, those of each pair of faces joined under the first of their names."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while name in parent:
            name = parent[name]
        return name

    for one, other in pairs:
        first, second = sorted((root(groups[one]), root(groups[other])))
        if first != second:
            parent[second] = first
    return [root(group) for group in groups]
