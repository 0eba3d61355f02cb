"""The jobs' work: which architectures there are, and the training of one."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.core.faces import load_faces, render
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.nas_table import FACES, Plan
from benchmarks.nas_table.query import SEPARATOR, write_curve
from fbnet.costs.lut import cost_of, from_table
from fbnet.costs.macs import count_net, macs_table
from fbnet.nets.pfld import build_subnet
from fbnet.params import (
    AugmentParams,
    FetchParams,
    RetrainParams,
    SpaceParams,
    SyntheticParams,
    TrainParams,
)
from fbnet.search.draws import draws
from fbnet.search.sampling import Choice
from fbnet.training.checkpoints import checkpoint
from fbnet.training.device import launch
from fbnet.training.learner import set_start
from fbnet.training.retrain import Retraining
from fbnet.training.trainer import Row
from fbnet.training.validate import validation_nme


@dataclass(frozen=True)
class Inputs:
    """Folder of the faces, the space, and the accelerator that a training takes."""

    faces: Path
    space: SpaceParams
    accelerator: str = "cpu"


def faces_of(given: Path | None, data: Path, work: Path) -> Path:
    """Folder of the table's faces: `given`, or rendered once of the head in `data`."""
    return given or render_faces(FACES, data, work)


def render_faces(faces: Mapping[str, Any], data: Path, work: Path) -> Path:
    """Folder of faces by keys of `fetch`, rendered once of the head in `data`."""
    synthetic = SyntheticParams(**faces["synthetic"])
    others = {key: value for key, value in faces.items() if key != "synthetic"}
    params = FetchParams(root=str(data), layout="synthetic", synthetic=synthetic, **others)
    return render(params, work)


def sample(plan: Plan, space: SpaceParams, points: int, size: int) -> dict[str, list[Choice]]:
    """The architectures of each band: its first `plan.count` different draws."""
    lut = from_table(macs_table(space, points, size), space)
    drawn = {choice: cost_of(lut, choice) for choice in draws(lut, plan.pool, plan.seed)}
    return {
        band: list(islice((c for c, macs in drawn.items() if low <= macs < high), plan.count))
        for band, (low, high) in plan.bands.items()
    }


class Tested(Retraining):
    """A training of which every validation scores the test faces too, which decide nothing."""

    def run_epoch(self) -> Row:
        """The epoch's row, with `test_nme` beside `val_nme`, and `core_seconds`."""
        started = time.process_time()
        row = super().run_epoch()
        if "val_nme" in row:
            test = self.faces.indices("test")
            row["test_nme"] = validation_nme(self.average, self.faces, test, self.fabric)
        row["core_seconds"] = time.process_time() - started
        return row


def train(job: Job, ledger: Ledger) -> Mapping[str, Any]:
    """Train an architecture from scratch on one thread; NME at the end and along the way.

    `core_seconds` is the processor's time for training and scoring, on this machine,
    interruptions aside.
    """
    s, inputs = job.setting, job.inputs
    faces, choice = load_faces(inputs.faces, ledger.work), tuple(s["choice"])
    fabric = launch(TrainParams(accelerator=inputs.accelerator, devices=1, threads=1))
    params = RetrainParams(**s["retrain"], seed=s["seed"])
    augment = AugmentParams(**s["augment"]) if params.augment else None
    net = build_subnet(inputs.space, faces.points, choice, faces.size, params.seed)
    set_start(net, faces, params.start)
    training = Tested(faces, net, None, params, augment, fabric)
    with checkpoint(ledger.work / "checkpoints", "training", job.digest) as saved:
        training.run(saved)
    size = count_net(inputs.space, faces.points, choice, faces.size)
    curve = {
        int(row["epoch"]): (row["val_nme"], row["test_nme"])
        for row in training.history
        if "val_nme" in row
    }
    val_nme, test_nme = curve[training.epochs]
    return {
        "choice": SEPARATOR.join(choice),
        "seed": params.seed,
        "macs": size.macs,
        "params": size.params,
        "val_nme": f"{val_nme:.5f}",
        "test_nme": f"{test_nme:.5f}",
        "epochs": training.epochs,
        "curve": write_curve(curve),
        "core_seconds": f"{sum(row['core_seconds'] for row in training.history):.1f}",
    }
