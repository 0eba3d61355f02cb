"""Fetch: from pictures on disk, or a head to render, to face crops with landmarks and pose.

Leaves in results/fetch faces/ (arrays to memory-map; beside them skipped.txt, unused.csv,
suspicious.csv with a contact sheet, duplicates.csv), metrics.json and preview.png.
"""

from typing import TYPE_CHECKING

from stages.results import Results
from stages.runner import run_stage

if TYPE_CHECKING:
    from fbnet.progress import Log
    from stages.params import Params


def main(params: "Params", results: Results, log: "Log") -> str:
    """Prepare the faces of `fetch.root`."""
    from fbnet import plots
    from fbnet.faces.faceset import SPLITS
    from fbnet.faces.prepare import prepare, statistics
    from fbnet.files import write_json

    prepared = prepare(params.fetch, results.faces)
    faces, figures = prepared.faces, statistics(prepared.faces)
    counts = {
        "skipped": len(prepared.skipped),
        "suspicious": len(prepared.suspicious),
        "files_unused": len(prepared.unused),
    }
    write_json(results.metrics("fetch"), figures | counts)
    preview = results.picture("fetch", "preview")
    plots.preview(faces, preview)
    plots.suspicious(faces, prepared.suspicious, results.faces / "suspicious.png")
    parts = ", ".join(f"{len(faces.indices(name))} {name}" for name in SPLITS)
    left_out = f", {len(prepared.skipped)} left out" if prepared.skipped else ""
    return (
        f"{len(faces)} faces of {faces.points} points, layout {faces.layout} ({parts}"
        f"{left_out}; {figures['points_outside']:.2%} of the points outside the crop) in "
        f"{results.faces}; look at {preview}"
    )


if __name__ == "__main__":
    run_stage("fetch", main)
