"""Jitter, lag and loss of tracked landmarks, and the clips that they are measured on."""

from argparse import Namespace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.core import ROOT
from benchmarks.core.ledger import Ledger
from benchmarks.video import CLIP_FPS, clips, figures, table
from benchmarks.video.__main__ import jobs
from benchmarks.video.trackers import OURS, ours
from fbnet.faces.synthetic import load_head
from fbnet.predict.track import OneEuro

EYES = 60.0
FACE = np.random.default_rng(1).uniform(0, 100, (106, 2))
MOVED = FACE + np.sin(np.arange(100) / 8)[:, None, None] * (20.0, 5.0)


def test_jitter_is_the_noise_of_a_still_face_and_slow_drift_is_none() -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, (400, 106, 2))
    drift = np.linspace(0, 50, 400)[:, None, None]
    expected = 0.3 * np.sqrt(2 * 12 / 13) / EYES
    assert figures.jitter(noise, EYES) == pytest.approx(expected, rel=0.02)
    assert figures.jitter(noise + drift, EYES) == pytest.approx(expected, rel=0.02)
    assert figures.jitter(np.zeros((60, 106, 2)) + drift[:60], EYES) < 1e-9


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_lag_is_the_delay_whatever_the_offset(frames: int) -> None:
    late = np.concatenate([MOVED[:1].repeat(frames, axis=0), MOVED[: len(MOVED) - frames]])
    late[50] = np.nan
    assert figures.lag(late + np.array([3.0, -2.0]), MOVED) == pytest.approx(frames, abs=0.051)


def test_a_tracker_of_some_points_has_no_figures_of_all() -> None:
    shared = np.full(MOVED.shape, np.nan)
    shared[5:, OURS] = MOVED[5:, OURS]
    followed = {f"{kind}/0": (figures.Track(shared, 2, 1.0), MOVED) for kind in clips.KINDS}
    result = table.judged(followed)
    assert result["all_points"] is None and result["lost_tracks"] == len(clips.KINDS)
    assert result["shared_points"]["nme_fast"] == 0 and result["lost_frames"]["hand"] == 5
    assert result["faces_per_s"] == pytest.approx(95)


def test_a_filmed_still_face_is_followed_and_steadied(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(clips.KINDS, "still", (clips.still, 32 / CLIP_FPS))
    filmed = {"still/0": clips.film(load_head(ROOT / "data"), "still", 0)}
    clips.save(filmed, tmp_path / "clips.npz")
    clip = clips.load(tmp_path / "clips.npz")["still/0"]
    frames = clip.frames()
    assert len(frames) == 32 and frames[0].shape == (clips.SIDE, clips.SIDE, 3)
    assert (clip.landmarks == clip.landmarks[0]).all() and (frames[0] != frames[1]).any()
    steady, raw = (
        table.judged({"still/0": (ours(smoothing, detect=False)(frames, clip.landmarks),
                                  clip.landmarks)})["all_points"]
        for smoothing in (OneEuro(), None)
    )  # fmt: skip
    assert raw["nme_still"] < 0.12 and steady["jitter"] < raw["jitter"] / 3


def test_a_hand_covers_the_face_for_half_a_second() -> None:
    times = np.arange(0, 3, 1 / CLIP_FPS)
    beside = np.array([clips.hand(time).hand for time in times], float)
    assert 12 <= (beside == 0).sum() <= 13 and abs(beside[[0, -1]]).min() == 2
    head = load_head(ROOT / "data")
    draws = clips.Draws(clips.PARAMS.seed, 0, 0)
    subject = clips.draw_subject(head, clips.PARAMS, draws)
    bare, covered = (
        clips.take(head, subject, draws, clips.Moment(hand=place), 96) for place in (None, 0.0)
    )
    np.testing.assert_array_equal(bare[1], covered[1])
    mask = np.zeros((clips.SIDE, clips.SIDE), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(bare[1].astype(np.int32)), 1)
    hidden = (bare[0] != covered[0]).any(axis=-1)[mask > 0].mean()
    assert hidden > 0.25


def test_the_page_has_what_is_recorded(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "results", tmp_path / "work")
    planned = {job.name: job for job in jobs(Namespace(data=ROOT / "data", mesh=False), ledger)}
    points = {"jitter": 0.0005, "lag_slow": 0.25, "lag_fast": 0.5, "nme_fast": 0.05}
    result = {
        "all_points": points, "shared_points": points, "lost_tracks": 0, "faces_per_s": 300.0,
        "lost_frames": {"still": 0, "hand": 3},
    }  # fmt: skip
    worse = result | {"all_points": points | {"lag_fast": 1.5, "nme_fast": 0.01}}
    for name, figures_ in {
        "shown/filtered": result, "tuning/0.1-10-1": result, "tuning/1-20-3": worse
    }.items():  # fmt: skip
        ledger.record(planned[name], figures_)
    ((_, sections),) = table.summary(ledger).pages.items()
    assert "| filtered (default) | 0.050 % |" in sections["video"] and "hand 3" in sections["video"]
    first, second = sections["filter"].splitlines()[2:]
    assert first.startswith("| 0.1 | 10 | 1 |") and second.startswith("| 1 | 20 | 3 |")
