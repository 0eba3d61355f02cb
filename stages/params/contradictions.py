"""What single sections cannot see: params that contradict each other."""

import re
from collections.abc import Iterator

import numpy as np

from fbnet.faces.split import reaching
from fbnet.outputs import LABELS
from fbnet.params import SIZE_STEP, TARGETS, SearchParams
from fbnet.training.schedule import cannot_decide, finalists, lengthened
from stages.params.schema import Params, renders


def contradictions(params: Params) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong and how to fix it) for each contradiction between params."""
    search, retrain = params.search, params.retrain
    if params.space not in params.spaces:
        yield "space", f"{params.space!r} is not one of spaces: {', '.join(params.spaces)}"
    for name in params.spaces:
        if re.search(r"[.\[\]{}$]", name):
            yield f"spaces.{name}", "a name with a dot or bracket is a path to DVC; give it another"
    if params.fetch.size % SIZE_STEP:
        yield "fetch.size", f"{params.fetch.size}: the nets take a multiple of {SIZE_STEP}"
    scheme, rendered = params.fetch.scheme, renders(params)
    posed = scheme is None or scheme.pose or (rendered and scheme.head)
    for name, loss in {"search.loss": search.loss, "retrain.loss": retrain.loss}.items():
        if not posed and loss.startswith("pose_"):
            yield name, f"{loss!r} needs a head pose: state fetch.scheme.pose, or take another loss"
    untaught = [head for head in params.export.heads if head in LABELS]
    if untaught and not (rendered or retrain.heads_faces):
        yield (
            "retrain.heads_faces",
            f"is due for export.outputs: {untaught[0]} is learned from rendered faces; name the "
            "faces of a run that rendered them",
        )
    if "pose" in params.export.outputs and not (posed or retrain.heads_faces):
        yield (
            "export.outputs",
            "pose needs a head pose: state fetch.scheme.pose, or rendered faces that have it "
            "(retrain.heads_faces)",
        )
    yield from _processes(params)
    lasting = search.warmup_epochs < search.epochs
    if search.method == "fbnet" and not lasting:
        yield (
            "search.warmup_epochs",
            f"{search.warmup_epochs} leaves no epoch for the architecture: keep it below "
            f"search.epochs ({search.epochs})",
        )
    if search.method == "fbnet" and search.temperature_floor > search.temperature:
        yield (
            "search.temperature_floor",
            f"{search.temperature_floor} lies above search.temperature ({search.temperature})",
        )
    yield from _budget(search)
    if retrain.warmup_epochs >= retrain.epochs:
        yield (
            "retrain.warmup_epochs",
            f"{retrain.warmup_epochs} must stay below retrain.epochs ({retrain.epochs})",
        )
    if params.lut.batch > 1 and not params.export.dynamic_batch:
        yield (
            "export.dynamic_batch",
            f"off gives a file for one face, and lut.batch is {params.lut.batch}: turn it on, or "
            "set lut.batch to 1",
        )
    scored, source = search.candidates + 1, "search.candidates + the argmax"
    if search.method == "predictor":
        scored, source = finalists(search.predictor), "search.predictor trains to the last rung"
    if retrain.candidates > scored:
        yield (
            "retrain.candidates",
            f"{retrain.candidates} asks for more than the search scores ({source}: {scored})",
        )
    if retrain.candidates > 1 and search.method == "predictor" and retrain.inherit:
        yield (
            "retrain.inherit",
            "search.method: predictor leaves the weights of one net, from which others would begin "
            "too: set it to false, or retrain.candidates to 1",
        )
    if rendered and search.method == "fbnet" and lasting:
        weights, arch = _rendered_faces(params)
        shards = params.train.parts
        if reason := cannot_decide(lengthened(search, weights, shards), arch, shards):
            yield "search.nas_lr", reason


def _rendered_faces(params: Params) -> tuple[int, int]:
    """Faces that train the weights and the architecture of the search, before they are rendered.

    As `split.assign` and `search.loop.split_proxy` share people out, who have equally many faces.
    """
    each = params.fetch.synthetic.pictures_per_person
    people = params.fetch.synthetic.train // each

    def taken(people: int, share: float) -> int:
        return reaching(np.full(people, each), share)

    if params.fetch.validation_share:
        people -= taken(people, params.fetch.validation_share)
    if params.search.proxy_share < 1:
        people = taken(people, params.search.proxy_share)
    arch = taken(people, params.search.arch_share)
    return (people - arch) * each, arch * each


def _processes(params: Params) -> Iterator[tuple[str, str]]:
    """A process has a GPU to itself; processes share the shards evenly, each takes two faces."""
    train = params.train
    if params.search.method == "predictor" and train.accelerator == "cuda" and train.devices > 1:
        yield (
            "train.devices",
            f"{train.devices}: search.method: predictor would start all trainings on one GPU; take "
            "1, or a Dask worker for each GPU (search.predictor.scheduler)",
        )
    processes, shards = params.train.devices * params.train.num_nodes, params.train.parts
    if shards % processes:
        yield "train.shards", f"{shards}: {processes} processes cannot share them; take a multiple"
    batches = {"retrain.batch": params.retrain.batch}
    if params.search.method == "fbnet":
        batches = {
            "search.batch": params.search.batch,
            "search.arch_batch": params.search.arch_batch,
        } | batches
    for name, batch in batches.items():
        if batch < 2 * shards:
            key = "train.shards" if params.train.shards else "train.devices"
            yield (
                key,
                f"asks for {shards} shards of a batch, and {name} is {batch}: each takes two faces",
            )


def _budget(search: SearchParams) -> Iterator[tuple[str, str]]:
    """`mode: target` goes with the one target of the cost's unit, other modes with none."""
    wanted = TARGETS[search.cost] if search.mode == "target" else None
    for name in TARGETS.values():
        value = getattr(search, name)
        if name == wanted and value is None:
            yield f"search.{name}", f"is the budget of search.mode: target (cost: {search.cost})"
        elif name != wanted and value is not None:
            yield (
                f"search.{name}",
                f"{value} has no effect with mode: {search.mode} and cost: {search.cost}; "
                "make it null, or change these",
            )
    if search.mode == "target" and search.cost_form == "nni":
        yield "search.cost_form", "NNI has no budget: take normalised with mode: target"
