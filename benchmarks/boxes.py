"""What boxes that lie beside the face cost the shipped model in NME, by passes of `predict`.

`run` cuts labelled faces by the boxes of their landmarks, each moved and resized by uniform draws,
and lets the net look once, twice and three times, as `Landmarker.faces` does. Photographs are the
two thirds that chose nothing (`benchmarks.shipped`). `table` writes docs/predict.md.
"""

import argparse
import sys
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from benchmarks.core import DOCS, Benchmark, Summary, scored_options
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import percent, table
from benchmarks.shipped import RENDERED, part_of, sets
from fbnet.files import digest

SIZES, SHIFTS = (0.0, 0.1, 0.2), (0.0, 0.05, 0.1)
"""Largest change of a box's size, as a share of it, and shift to each side, by the box's sides."""
PASSES = 3
DRAWS = 2
"""Boxes of a face for each size and shift."""
SEED = 1


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """A job for the rendered test faces, and one for each folder of photographs."""
    from benchmarks.core.faces import identity, load_faces
    from fbnet.predict.landmarker import PRETRAINED

    return [
        Job(
            name,
            {
                "model": digest(PRETRAINED),
                "faces": identity(load_faces(folder, ledger.work)),
                "part": part,
                "sizes": SIZES,
                "shifts": SHIFTS,
                "draws": DRAWS,
                "seed": SEED,
            },
            measured,
            folder,
        )
        for name, (folder, part) in sets(given).items()
    ]


def measured(job: Job, ledger: Ledger) -> dict[str, Any]:
    """NME after each pass, by size and shift of the boxes."""
    from benchmarks.core.faces import load_faces
    from fbnet.landmarks import NNI_TO_IBUG68, convert
    from fbnet.metrics import nme
    from fbnet.predict.landmarker import Landmarker
    from fbnet.progress import track

    faces, landmarker = load_faces(job.inputs, ledger.work), Landmarker()
    chosen = part_of(faces, job.setting["part"])
    draws = np.random.default_rng(job.setting["seed"])
    results = {}
    for size, shift in track([*product(SIZES, SHIFTS)], job.name):
        errors = []
        for index in np.tile(chosen, DRAWS):
            true = faces.landmarks[index] * faces.size + faces.margin - 0.5
            box = disturbed(true, size, shift, draws)
            several = np.stack(looks(landmarker, faces.images[index], box))
            if landmarker.scheme.points != faces.points:
                several = convert(several, NNI_TO_IBUG68)
            errors.append(nme(several, np.broadcast_to(true, several.shape), faces.scheme))
        results[f"{size:g}/{shift:g}"] = np.mean(errors, axis=0).tolist()
    return {"faces": len(chosen), "points": faces.points, "nme": results}


def disturbed(
    landmarks: np.ndarray, size: float, shift: float, draws: np.random.Generator
) -> list[float]:
    """The box (x, y, width, height) of landmarks [P, 2], moved and resized about its centre.

    The size changes by up to the share `size`, the centre moves by up to `shift` of its sides.
    """
    low, high = landmarks.min(axis=0) + 0.5, landmarks.max(axis=0) + 0.5
    moved = (low + high) / 2 + draws.uniform(-shift, shift, 2) * (high - low)
    sides = (high - low) * (1 + draws.uniform(-size, size))
    return [*(moved - sides / 2), *sides]


def looks(landmarker: Any, picture: np.ndarray, box: list[float]) -> list[np.ndarray]:
    """Landmarks [P, 2] in pixels after one, two and more passes of `Landmarker.faces`."""
    place = landmarker.place(box, picture)
    passes = range(1, PASSES + 1)
    return [landmarker.faces(picture, [place], passes=n)[0].landmarks for n in passes]


def summary(ledger: Ledger) -> Summary:
    """A line for each size and shift; NME against that of one pass on the true box."""
    results = dict(sorted(ledger.results().items(), key=lambda item: item[0] != RENDERED))
    rows = []
    for size, shift in product(SIZES, SHIFTS):
        row = {"size": _bound(size), "shift": _bound(shift)}
        for name, result in results.items():
            row |= _columns(name, result["nme"], f"{size:g}/{shift:g}")
        rows.append(row)
    return Summary(results, {DOCS / "predict.md": {"boxes": table(rows)}})


def _bound(value: float) -> str:
    return f"±{100 * value:.0f} %" if value else ""


def _columns(name: str, errors: Mapping[str, list[float]], key: str) -> dict[str, str]:
    exact = errors["0/0"][0]
    cells = [f"{100 * (error / exact - 1):+.1f} %" for error in errors[key]]
    if key == "0/0":
        cells[0] = percent(exact)
    heads = [f"{name}, {count} pass{'es' * (count > 1)}" for count in range(1, PASSES + 1)]
    return dict(zip(heads, cells, strict=True))


BENCHMARK = Benchmark("boxes", __doc__, jobs, summary, scored_options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
