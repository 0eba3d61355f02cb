"""Colours: palettes in sRGB bytes, shading in linear light (RGB until the sensor)."""

import numpy as np

GAMMA = 2.2


def linear(colour: object) -> np.ndarray:
    """Display values 0..1 to linear light, float32."""
    return np.asarray(colour, np.float32) ** np.float32(GAMMA)


def display(light: np.ndarray) -> np.ndarray:
    """Linear light to display values 0..1."""
    return np.clip(light, 0, 1) ** np.float32(1 / GAMMA)


def palette(*rows: tuple[int, int, int]) -> np.ndarray:
    """Bytes of sRGB to display values 0..1, float32 [n,3]."""
    return np.array(rows, np.float32) / 255


def mix(base: np.ndarray, colour: np.ndarray | np.floating, share: np.ndarray) -> np.ndarray:
    """A base [n,3] with `colour` laid over it, share [n] of it."""
    share = share[:, None].astype(np.float32)
    return base + (np.asarray(colour, np.float32) - base) * share
