"""Steadiness of landmarks in video, with truth: clips from the project's own renderer.

`clips`: what is filmed. `trackers`: who follows it. `figures`: jitter, lag and lost faces.
"""

CLIP_FPS = 25.0
PEOPLE = {"shown": range(6), "tuning": range(100, 103)}
"""Numbers of the rendered people by part: figures are of `shown`, the filter was chosen on
`tuning`."""
GRID = {
    "min_cutoff": (0.1, 0.3, 1.0),
    "beta": (5.0, 7.0, 10.0, 20.0),
    "speed_cutoff": (1.0, 2.0, 3.0),
}
"""Parameters of the One-Euro filter that were tried on the clips of `tuning`."""
