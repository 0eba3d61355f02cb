"""What boxes that lie beside the face cost the shipped model in NME, by passes of `predict`.

`run` cuts labelled faces by the boxes of their landmarks, each moved and resized by uniform draws,
and lets the net look once, twice and three times, as `Landmarker.faces` does. Photographs are the
two thirds that chose nothing (`benchmarks.shipped`). `table` writes docs/predict.md.
"""

import argparse
import hashlib
import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.core import DOCS, Benchmark, Summary
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.core.page import percent, table

SIZES, SHIFTS = (0.0, 0.1, 0.2), (0.0, 0.05, 0.1)
"""Largest change of a box's size, as a share of it, and shift to each side, by the box's sides."""
PASSES = 3
DRAWS = 2
"""Boxes of a face for each size and shift."""
SEED = 1
RENDERED = "rendered"


def jobs(given: argparse.Namespace, ledger: Ledger) -> list[Job]:
    """A job for the rendered test faces, and one for each folder of photographs."""
    from benchmarks.core.faces import identity, load_faces
    from fbnet.predict.landmarker import PRETRAINED

    folders = {folder.resolve().name: folder for folder in given.photographs}
    return [
        Job(
            name,
            {
                "model": hashlib.sha256(PRETRAINED.read_bytes()).hexdigest(),
                "faces": identity(load_faces(folder, ledger.work)),
                "part": "test" if name == RENDERED else "final",
                "sizes": SIZES,
                "shifts": SHIFTS,
                "draws": DRAWS,
                "seed": SEED,
            },
            measured,
            folder,
        )
        for name, folder in {RENDERED: given.faces, **folders}.items()
    ]


def measured(job: Job, ledger: Ledger) -> dict[str, Any]:
    """NME after each pass, by size and shift of the boxes."""
    from benchmarks.core.faces import load_faces
    from benchmarks.shipped import final
    from fbnet.landmarks import NNI_TO_IBUG68, convert
    from fbnet.metrics import nme
    from fbnet.predict.landmarker import Landmarker
    from fbnet.progress import track

    faces, landmarker = load_faces(job.inputs, ledger.work), Landmarker()
    chosen = faces.indices("test") if job.setting["part"] == "test" else final(faces)
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
    """Landmarks [P, 2] in pixels after one, two and more passes."""
    from fbnet.predict.crops import Place

    place, landmarks = landmarker.place(box, picture), []
    for _ in range(PASSES):
        (face,) = landmarker.predict(picture, [place])
        place = Place(face.landmarks, landmarker.crop_scale)
        landmarks.append(face.landmarks)
    return landmarks


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


def options(parser: argparse.ArgumentParser) -> None:
    """Where the faces lie."""
    parser.add_argument(
        "--faces", type=Path, default=Path("results/fetch/faces"), metavar="FOLDER",
        help="rendered faces with a test part (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--photographs", type=Path, default=[], action="append", metavar="FOLDER",
        help="labelled photographs in any layout that `fetch` reads; may recur",
    )  # fmt: skip


BENCHMARK = Benchmark("boxes", __doc__, jobs, summary, options)

if __name__ == "__main__":
    sys.exit(BENCHMARK.main())
