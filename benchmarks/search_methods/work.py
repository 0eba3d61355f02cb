"""The jobs' work: a supernet that scores every net of the table."""

import time
from collections.abc import Mapping
from copy import deepcopy
from itertools import chain, count, islice
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import nn

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
from fbnet.training.schedule import arch_steps
from fbnet.training.trainer import Row

UNIFORM = 20
"""Nets drawn uniformly that are scored when the architecture begins to learn."""
GRADIENTS = 48
"""Architecture steps whose gradients are compared, with all parameters standing still."""


class Watched(Search):
    """A search whose rows hold `core_seconds`, and what it knows where the architecture begins.

    At the warm-up's end a row has `uniform_nme`, the mean validation NME of UNIFORM nets, all
    blocks as likely; there and at the end `signal`.
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
        if row["epoch"] in (self.params.warmup_epochs, self.epochs):
            row["signal"] = signal(self.gradients())
        return row

    def gradients(self) -> np.ndarray:
        """Gradients [GRADIENTS, logits] of as many architecture steps, none of which is taken."""
        batches = chain.from_iterable(
            self.epoch_batches(self.arch_faces, self.params.arch_batch, 2 * self.params.seed + odd)
            for odd in count(1, 2)
        )
        parts: tuple[Any, ...] = self.learner.modules, self.arch_optimizer
        kept, steps = deepcopy([part.state_dict() for part in parts]), self.arch_step_count
        for group in self.arch_optimizer.param_groups:
            group["lr"] = 0.0
        gradients = []
        for batch in islice(batches, GRADIENTS):
            self.architecture_step(batch)
            gradients.append(torch.cat([_gradient(alpha) for alpha in self.alphas.parameters()]))
        for part, state in zip(parts, kept, strict=True):
            part.load_state_dict(state)
        self.arch_step_count = steps
        return torch.stack(gradients).numpy()


def _gradient(parameter: nn.Parameter) -> torch.Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.clone()


def signal(gradients: np.ndarray) -> float:
    """Length of the mean gradient in units of one step's noise; 0 where noise explains it.

    gradients: [steps, logits]. Of n steps the mean of pure noise has a squared length of 1/n of
    that of one, which is taken off.
    """
    noise = gradients.var(axis=0, ddof=1).sum()
    length = (gradients.mean(axis=0) ** 2).sum() - noise / len(gradients)
    return float(np.sqrt(max(0.0, length / noise))) if noise else 0.0


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
        "signal": [round(r["signal"], 4) for r in search.history if "signal" in r],
        "architecture_steps": arch_steps(search.params, len(search.arch_faces)),
        "mean_face_nme": mean_face_nme(train, validation, faces.scheme),
        "search_seconds": round(sum(row["core_seconds"] for row in search.history), 1),
        "scoring_seconds": round(time.process_time() - searched, 1),
    }
