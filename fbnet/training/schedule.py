"""How long trainings and searches are: steps, epochs, and nets that stay in halving."""

from fractions import Fraction
from math import ceil
from typing import TypeVar

from fbnet.params import PredictorParams, RetrainParams, SearchParams

LOGIT_REACH = 5.0
"""How far a logit must be able to move for a softmax over a dozen blocks to decide."""
Lasting = TypeVar("Lasting", SearchParams, RetrainParams)


def steps_of(faces: int, batch: int, shards: int = 1) -> int:
    """Batches of an epoch of so many faces, each cut into `shards`.

    A rest of fewer than two faces a shard joins the batch before it: batch norm needs two, and no
    face is left out.
    """
    whole, rest = divmod(faces, batch)
    return max(min(1, faces), whole + (rest >= 2 * shards))


def lengthened(params: Lasting, faces: int, shards: int = 1) -> Lasting:
    """The params with epochs and warm-up raised to reach `min_steps` steps on so many faces.

    A search counts the faces and steps of the weights.
    """
    steps = params.epochs * steps_of(faces, params.batch, shards)
    factor = Fraction(params.min_steps, max(steps, 1))
    if factor <= 1:
        return params
    warmup = params.warmup_epochs
    longer = {
        "epochs": ceil(params.epochs * factor),
        "warmup_epochs": ceil(warmup * factor) if isinstance(warmup, int) else warmup * factor,
    }
    return params.model_copy(update=longer)


def arch_steps(search: SearchParams, arch_faces: int, shards: int = 1) -> int:
    """Architecture steps of the whole search."""
    return search.arch_epochs * steps_of(arch_faces, search.arch_batch, shards)


def cannot_decide(search: SearchParams, arch_faces: int, shards: int = 1) -> str | None:
    """Why the search cannot decide, or None: steps * nas_lr bounds how far a logit moves."""
    steps = arch_steps(search, arch_faces, shards)
    reach = steps * search.nas_lr
    if reach >= LOGIT_REACH:
        return None
    return (
        f"{search.nas_lr} over {steps} architecture steps moves a logit by {reach:.2g} at most, "
        f"{LOGIT_REACH:g} are needed to decide: raise it to {LOGIT_REACH / max(steps, 1):.2g}, or "
        f"raise search.epochs, or lower search.arch_batch"
    )


def kept(predictor: PredictorParams, count: int) -> int:
    """How many of `count` architectures stay at a rung."""
    return max(1, ceil(Fraction(str(predictor.keep)) * count))


def finalists(predictor: PredictorParams) -> int:
    """The most architectures that are trained to the last rung."""
    remaining = predictor.nets
    for _ in predictor.rungs[1:]:
        remaining = kept(predictor, remaining)
    return remaining + predictor.rounds * predictor.top
