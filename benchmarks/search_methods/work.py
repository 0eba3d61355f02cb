"""The jobs' work: a supernet that scores every net of the table."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.core.faces import load_faces
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.nas_table.query import SEPARATOR
from fbnet.costs.lut import from_table
from fbnet.costs.macs import macs_table
from fbnet.params import AugmentParams, SearchParams, SpaceParams, TrainParams
from fbnet.progress import track
from fbnet.search.loop import Search
from fbnet.search.supernet import probabilities
from fbnet.training.checkpoints import checkpoint
from fbnet.training.device import launch
from fbnet.training.trainer import Row


class Timed(Search):
    """A search of which every epoch's row holds its `core_seconds`."""

    def run_epoch(self) -> Row:
        """The epoch's row with the processor's time for it."""
        started = time.process_time()
        row = super().run_epoch()
        row["core_seconds"] = time.process_time() - started
        return row


def score(job: Job, ledger: Ledger) -> Mapping[str, Any]:
    """Search, then the validation NME of each net under the supernet, and what was learned."""
    faces_folder, space = job.inputs
    faces: Any = load_faces(Path(faces_folder), ledger.work)
    assert isinstance(space, SpaceParams)
    params = SearchParams(**job.setting["search"])
    lut = from_table(macs_table(space, faces.points, faces.size), space)
    augment = AugmentParams(**job.setting["augment"]) if params.augment else None
    search = Timed(faces, space, lut, params, augment, launch(TrainParams(devices=1, threads=1)))
    with checkpoint(ledger.work / "checkpoints", "supernet", job.digest) as saved:
        search.run(saved)
    searched = time.process_time()
    search.learner.modules.load_state_dict(search.best["weights"])
    cells = job.setting["choices"]
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
        "search_seconds": round(sum(row["core_seconds"] for row in search.history), 1),
        "scoring_seconds": round(time.process_time() - searched, 1),
    }
