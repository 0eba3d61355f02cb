"""Jitter, lag and lost faces of landmarks over the frames of a clip, against the exact ones."""

from dataclasses import dataclass

import numpy as np

WINDOW = 13
"""Frames of the moving mean above which movement of a still face is jitter: half a second."""
SETTLED = 12
"""First frames that no figure counts: a filter settles."""
LAGS = np.arange(0.0, 4.0, 0.05)
"""Lags that are tried, in frames."""


@dataclass(frozen=True, eq=False)
class Track:
    """What a tracker gave for the one person of a clip of T frames.

    landmarks: [T, 106, 2] in pixels, NaN where it gave none. numbers: how many numbers the person
    had. seconds: processor time without decoding.
    """

    landmarks: np.ndarray
    numbers: int
    seconds: float

    @property
    def lost(self) -> int:
        """Frames without the person."""
        return int(np.isnan(self.landmarks).all(axis=(1, 2)).sum())

    @property
    def complete(self) -> bool:
        """Whether the tracker gives all points."""
        return bool(np.isfinite(self.landmarks).any(axis=0).all())


def jitter(landmarks: np.ndarray, eyes: float) -> float:
    """Root mean square distance from the moving mean over half a second, by the eye distance.

    landmarks: [T, P, 2] of a still face. eyes: distance of the true outer eye corners, same unit.
    """
    settled = landmarks[SETTLED:]
    sums = np.cumsum(np.concatenate([np.zeros((1, *settled.shape[1:])), settled]), axis=0)
    slow = (sums[WINDOW:] - sums[:-WINDOW]) / WINDOW
    beyond = settled[WINDOW // 2 : len(settled) - WINDOW // 2] - slow
    return float(np.sqrt(np.square(beyond).sum(axis=-1).mean()) / eyes)


def lag(landmarks: np.ndarray, true: np.ndarray) -> float:
    """Frames by which landmarks [T, P, 2] follow the true ones: where those fit best, delayed.

    Constant offsets of points do not count; frames with NaN are left out.
    """
    times = np.flatnonzero(~np.isnan(landmarks).any(axis=(1, 2)))
    times = times[times >= SETTLED]

    def misfit(delay: float) -> float:
        low = np.floor(times - delay).astype(int)
        share = (times - delay - low)[:, None, None]
        delayed = true[low] * (1 - share) + true[np.minimum(low + 1, len(true) - 1)] * share
        apart = landmarks[times] - delayed
        return float(np.square(apart - apart.mean(axis=0)).sum())

    return float(LAGS[np.argmin([misfit(delay) for delay in LAGS])])


def error(landmarks: np.ndarray, true: np.ndarray, eyes: np.ndarray) -> float:
    """Mean distance by the eye distance [T], over the frames that have landmarks."""
    apart = np.linalg.norm(landmarks - true, axis=-1).mean(axis=1) / eyes
    return float(np.nanmean(apart))


def rate(tracks: "list[Track]") -> float:
    """Faces a second of processor time, decoding aside."""
    faces = sum(len(track.landmarks) - track.lost for track in tracks)
    return faces / sum(track.seconds for track in tracks)
