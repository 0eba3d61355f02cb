"""The jobs' work: sample, search, train alone, and score under the supernet."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.core.faces import load_faces
from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from benchmarks.ranking.variants import SEARCHES
from fbnet.costs.lut import Lut, cost_of, cost_range, from_json, from_table
from fbnet.costs.macs import count_net, macs_table
from fbnet.errors import BadInput
from fbnet.nets.pfld import build_subnet
from fbnet.params import AugmentParams, RetrainParams, SearchParams, SpaceParams, TrainParams
from fbnet.progress import track
from fbnet.search import results
from fbnet.search.draws import draws, extremes
from fbnet.search.finetune import finetune
from fbnet.search.sampling import Choice, Scorer
from fbnet.search.supernet import build_supernet, entropy
from fbnet.training.checkpoints import load_weights
from fbnet.training.device import launch
from fbnet.training.validate import validation_nme

TRAIN = TrainParams(devices=1, threads=1)
"""One thread for each job; a subnet gains little from more."""


@dataclass(frozen=True)
class Inputs:
    """What a job works on, and where it lies on this machine.

    faces: face set of the fetch stage. space: the searched space. table: cost table (None: exact
    MACs). own_table: the project's, where `table` is another. supernet: weights of the search that
    is judged.
    """

    faces: Path
    space: SpaceParams
    table: Path | None = None
    own_table: Path | None = None
    supernet: Path | None = None


def sample(job: Job, ledger: Ledger) -> dict[str, Any]:
    """The stratified architectures, cheapest first."""
    s, space = job.setting, job.inputs.space
    macs = from_table(macs_table(space, s["points"], s["size"]), space)
    return {"choices": stratified(macs, s["count"], s["pool"], s["seed"])}


def search(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Run one search; what it chose and how decided it was."""
    inputs: Inputs = job.inputs
    space, params = inputs.space, SearchParams(**job.setting["search"])
    faces = load_faces(inputs.faces, ledger.work)
    if inputs.table:
        lut = from_json(inputs.table, space)
    else:
        lut = from_table(macs_table(space, faces.points, faces.size), space)
    augment = AugmentParams() if params.augment else None
    kind = SEARCHES[job.setting["variant"]]
    running = kind(faces, space, lut, params, augment, launch(TRAIN))
    running.run()
    best = results.rank(running)[0]
    result = {
        "choice": list(best.choice),
        "cost": best.cost,
        "unit": lut.unit,
        "macs": count_net(space, faces.points, best.choice, faces.size).macs,
        "inherited_nme": best.nme,
        # Of each layer's distribution, epoch by epoch: 1 uniform, 0 decided.
        "entropy": [
            entropy([torch.tensor(layer).log() for layer in layers])
            for layers in running.probabilities
        ],
        "arch_steps": running.arch_step_count,
        "weight_steps": running.learner.step_count,
    }
    if inputs.own_table:
        result["own_cost"] = cost_of(from_json(inputs.own_table, space), best.choice)
    return result


def train(job: Job, ledger: Ledger) -> dict[str, Any]:
    """Train one architecture; its best epoch is picked on validation, test is only reported."""
    inputs: Inputs = job.inputs
    s = job.setting
    space, choice = inputs.space, tuple(s["choice"])
    faces, fabric = load_faces(inputs.faces, ledger.work), launch(TRAIN)
    params = RetrainParams(**s["retrain"], seed=s["seed"], inherit=bool(inputs.supernet))
    weights: Mapping[str, Tensor] = load_weights(inputs.supernet) if inputs.supernet else {}
    augment = AugmentParams() if params.augment else None
    trained = finetune(choice, faces, space, weights, params, augment, fabric)
    net = build_subnet(space, faces.points, choice, faces.size)
    net.load_state_dict(trained.weights)
    fabric.to_device(net)
    size = count_net(space, faces.points, choice, faces.size)
    return {
        "choice": list(choice),
        "seed": s["seed"],
        "val_nme": trained.val_nme,
        "epoch": trained.epoch,
        "history": [[r["epoch"], r["val_nme"]] for r in trained.history if "val_nme" in r],
        "test_nme": validation_nme(net, faces, faces.indices("test"), fabric),
        "macs": size.macs,
        "params": size.params,
    }


def inherit(job: Job, ledger: Ledger) -> dict[str, Any]:
    """The sample under the supernet of the search that is judged, and what that search chose.

    Validation NME with batch-norm statistics estimated anew, as the search does it; costs by the
    table that it went by.
    """
    inputs: Inputs = job.inputs
    space, params = inputs.space, SearchParams(**job.setting["search"])
    (sampled,) = (ledger.result(need) or {} for need in job.needs)
    choices = [tuple(choice) for choice in sampled["choices"]]
    assert inputs.table and inputs.supernet
    faces, lut = load_faces(inputs.faces, ledger.work), from_json(inputs.table, space)
    supernet = build_supernet(space, faces.points, faces.size)
    weights = load_weights(inputs.supernet)
    supernet.load_state_dict(
        {k.removeprefix("net."): v for k, v in weights.items() if k.startswith("net.")}
    )
    scorer = Scorer(faces, space, lut, params, launch(TRAIN))
    searched = tuple(job.setting["choice"])
    return {
        "choice": list(searched),
        "cost": cost_of(lut, searched),
        "unit": lut.unit,
        "nmes": [scorer.nme(supernet, c) for c in track(choices, "inherited", unit="net")],
        "costs": [cost_of(lut, choice) for choice in choices],
    }


def stratified(lut: Lut, count: int, pool: int, seed: int) -> list[Choice]:
    """The cheapest and the costliest architecture and one of each of `count` - 2 strata between.

    Strata have equal width in the table's cost; each takes the first of `pool` draws that falls
    into it. Cheapest first. Raises BadInput when a stratum stays empty.
    """
    low, high = cost_range(lut)
    width = (high - low) / (count - 2)
    first: dict[int, Choice] = {}
    ends = extremes(lut)
    for choice in draws(lut, pool, seed):
        stratum = min(int((cost_of(lut, choice) - low) / width), count - 3)
        if choice not in ends:
            first.setdefault(stratum, choice)
    if empty := set(range(count - 2)) - set(first):
        raise BadInput(
            f"sample: {len(empty)} of {count - 2} strata have no architecture among {pool} draws; "
            "raise the plan's pool or lower its count"
        )
    return [ends[0], *(first[i] for i in range(count - 2)), ends[1]]
