"""Random streams: each part of a face draws from its own, keyed by seed, number and part."""

import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Draws:
    """Streams of one picture. A change to one part's draws leaves the others as they were."""

    seed: int
    identity: int
    index: int

    def person(self, part: str) -> np.random.Generator:
        """A stream that is the same in every picture of the person."""
        return np.random.default_rng([self.seed, 0, self.identity, zlib.crc32(part.encode())])

    def shot(self, part: str) -> np.random.Generator:
        """A stream of this picture alone."""
        return np.random.default_rng([self.seed, 1, self.index, zlib.crc32(part.encode())])
