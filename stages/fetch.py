"""Stage `fetch`: from pictures on disk, or a head to render, to face crops with labels.

Leaves in results/fetch: faces/ (arrays to memory-map), preview.png, metrics.json.
"""

from collections.abc import Callable
from pathlib import Path

from fbnet.faces.faceset import SPLITS
from fbnet.faces.labels import statistics
from fbnet.faces.prepare import prepare
from fbnet.files import write_json
from stages.params import Params
from stages.runner import run_stage


def main(params: Params, out: Path, log: Callable[..., None]) -> str:
    """Prepare the faces; returns what was found and where it lies, in one line."""
    from fbnet import plots

    prepared = prepare(params.fetch, out / "faces")
    faces, figures = prepared.faces, statistics(prepared.faces)
    write_json(out / "metrics.json", figures | {"skipped": len(prepared.skipped)})
    plots.preview(faces, out / "preview.png")
    counts = ", ".join(f"{len(faces.indices(name))} {name}" for name in SPLITS)
    left_out = f", {len(prepared.skipped)} left out" if prepared.skipped else ""
    return (
        f"fetch: {len(faces)} faces of {faces.points} points, layout {faces.layout} ({counts}"
        f"{left_out}; {figures['points_outside']:.2%} of the points outside the crop) in "
        f"{out / 'faces'}; look at {out / 'preview.png'}"
    )


if __name__ == "__main__":
    run_stage("fetch", main)
