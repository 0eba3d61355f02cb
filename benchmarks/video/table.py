"""Figures of the trackers, and the tables of docs/predict.md."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.core import DOCS, Summary
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import table

PAGE = DOCS / "predict.md"
NAMES = {"raw": "`--raw`", "filtered": "filtered (default)", "mesh": "MediaPipe's mesh, unfiltered"}
STILL, LAG = 0.0008, 1.0
"""What the filter is chosen by: the least error on fast turns of those that leave at most so much
jitter, by the eye distance, and lag at most so many frames."""
MOVING = ("slow", "fast")
Followed = Mapping[str, tuple[Any, np.ndarray]]
"""Clip's name -> (its `figures.Track`, true landmarks [T, 106, 2])."""


def judged(followed: Followed) -> dict[str, Any]:
    """Figures over the clips: jitter, lag, error, lost faces, rate.

    Jitter, lag and error are over all points, None for a tracker that does not give all, and over
    those that MediaPipe's mesh has too.
    """
    from benchmarks.video.figures import error, jitter, lag, rate
    from benchmarks.video.trackers import OURS
    from fbnet.landmarks import SCHEMES, eye_distance

    def figures(points: Any) -> dict[str, float]:
        values: dict[str, list[float]] = {}
        for name, (track, true) in followed.items():
            kind, eyes = name.split("/")[0], eye_distance(true, SCHEMES[106])
            shown, exact = track.landmarks[:, points], true[:, points]
            values.setdefault(f"nme_{kind}", []).append(error(shown, exact, eyes))
            if kind == "still":
                values.setdefault("jitter", []).append(jitter(shown, float(eyes[0])))
            elif kind in MOVING:
                values.setdefault(f"lag_{kind}", []).append(lag(shown, exact))
        return {key: float(np.mean(several)) for key, several in values.items()}

    tracks = [track for track, _ in followed.values()]
    return {
        "all_points": figures(slice(None)) if all(t.complete for t in tracks) else None,
        "shared_points": figures(OURS),
        "clips": len(tracks),
        "lost_frames": {
            kind: sum(t.lost for name, (t, _) in followed.items() if name.startswith(f"{kind}/"))
            for kind in dict.fromkeys(name.split("/")[0] for name in followed)
        },
        "lost_tracks": sum(track.numbers != 1 for track in tracks),
        "faces_per_s": rate(tracks),
    }


def summary(ledger: Ledger) -> Summary:
    """The trackers on the clips shown, and the filter's parameters on those for tuning."""
    shown, tuning = ({n.split("/")[1]: r for n, r in ledger.results(f"{part}/*").items()}
                     for part in ("shown", "tuning"))  # fmt: skip
    rows = [_row(NAMES[name], shown[name]) for name in NAMES if name in shown]
    trials = [
        dict(zip(("min_cutoff", "beta", "speed_cutoff"), name.split("-"), strict=True))
        | _steadiness(result["all_points"])
        for name, result in sorted(tuning.items(), key=lambda item: _judge(item[1]["all_points"]))
    ]
    sections = {"video": table(rows), "filter": table(trials)}
    return Summary({"shown": shown, "tuning": tuning}, {PAGE: sections})


def _judge(figures: Mapping[str, float]) -> tuple[bool, float]:
    """The sooner, the better: within the limits first, then by the error on fast turns."""
    lag = max(figures[f"lag_{kind}"] for kind in MOVING)
    return figures["jitter"] > STILL or lag > LAG, figures["nme_fast"]


def _steadiness(figures: Mapping[str, float]) -> dict[str, str]:
    return {
        "jitter, still": f"{100 * figures['jitter']:.3f} %",
        "lag, slow": f"{figures['lag_slow']:.2f}",
        "lag, fast": f"{figures['lag_fast']:.2f}",
        "NME, fast": f"{100 * figures['nme_fast']:.2f} %",
    }


def _row(name: str, result: Mapping[str, Any]) -> dict[str, str]:
    every, shared = result["all_points"], result["shared_points"]
    lost = ", ".join(f"{kind} {frames}" for kind, frames in result["lost_frames"].items() if frames)
    return {
        "tracker": name,
        "jitter, still": f"{100 * every['jitter']:.3f} %" if every else "",
        "10 shared points": f"{100 * shared['jitter']:.3f} %",
        "lag in frames, slow": f"{shared['lag_slow']:.2f}",
        "fast": f"{shared['lag_fast']:.2f}",
        "frames without the face": lost or "0",
        "lost tracks": str(result["lost_tracks"]),
        "faces/s, one core": f"{result['faces_per_s']:.0f}",
    }
