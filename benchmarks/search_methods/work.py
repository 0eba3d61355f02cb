"""The jobs' work: a supernet that scores every net of the table."""

import time
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.core.faces import load_faces
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.nas_table.query import SEPARATOR
from fbnet.costs.lut import from_table
from fbnet.costs.macs import macs_table
from fbnet.metrics import mean_face_nme
from fbnet.params import AugmentParams, SearchParams, SpaceParams, TrainParams
from fbnet.progress import track
from fbnet.search.loop import Search
from fbnet.search.supernet import probabilities
from fbnet.training.checkpoints import checkpoint
from fbnet.training.device import launch
from fbnet.training.trainer import Row

UNIFORM = 20
"""Nets drawn uniformly that are scored when the architecture begins to learn."""


class Watched(Search):
    """A search whose rows hold `core_seconds` and, at the warm-up's end, `uniform_nme`.

    The latter is the mean validation NME of UNIFORM nets, all blocks as likely: what the supernet
    knows when the architecture begins to learn.
    """

    def run_epoch(self) -> Row:
        """The epoch's row with what is watched."""
        started = time.process_time()
        row = super().run_epoch()
        row["core_seconds"] = time.process_time() - started
        if row["epoch"] == self.params.warmup_epochs:
            rng = np.random.default_rng([self.params.seed, 8])
            layers = self.space.layer_ops
            drawn = [tuple(ops[rng.integers(len(ops))] for ops in layers) for _ in range(UNIFORM)]
            row["uniform_nme"] = fmean(self.scorer.nme(self.learner.net, each) for each in drawn)
        return row


def score(job: Job, ledger: Ledger) -> Mapping[str, Any]:
    """Search, then the validation NME of each net under the supernet, and what was learned."""
    faces_folder, space = job.inputs
    faces: Any = load_faces(Path(faces_folder), ledger.work)
    assert isinstance(space, SpaceParams)
    params = SearchParams(**job.setting["search"])
    lut = from_table(macs_table(space, faces.points, faces.size), space)
    augment = AugmentParams(**job.setting["augment"]) if params.augment else None
    search = Watched(faces, space, lut, params, augment, launch(TrainParams(devices=1, threads=1)))
    with checkpoint(ledger.work / "checkpoints", "supernet", job.digest) as saved:
        search.run(saved)
    searched = time.process_time()
    search.learner.modules.load_state_dict(search.best["weights"])
    cells = job.setting["choices"]
    train, validation = (faces.landmarks[faces.indices(s)] for s in ("train", "validation"))
    nmes = {
        cell: round(search.scorer.nme(search.learner.net, tuple(cell.split(SEPARATOR))), 5)
        for cell in track(cells, "nets of the table", unit="net")
    }
    return {
        "nme": nmes,
        "probabilities": [
            dict(zip(ops, (round(value, 8) for value in p.tolist()), strict=True))
            for ops, p in zip(space.layer_ops, probabilities(search.alphas.alphas), strict=True)
        ],
        "uniform_nme": next((r["uniform_nme"] for r in search.history if "uniform_nme" in r), None),
        "mean_face_nme": mean_face_nme(train, validation, faces.scheme),
        "search_seconds": round(sum(row["core_seconds"] for row in search.history), 1),
        "scoring_seconds": round(time.process_time() - searched, 1),
    }
