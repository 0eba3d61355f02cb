"""Random draws that hang on (seed, purpose, step) alone, so that a resume changes nothing."""

import zlib

import numpy as np
import torch


def generator_for(seed: int, purpose: str, step: int) -> torch.Generator:
    """A CPU generator for one draw."""
    words = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), step])
    state = int(words.generate_state(1, np.uint64)[0] >> np.uint64(1))
    return torch.Generator().manual_seed(state)
