"""Contradictions between params, found before any work."""

from collections.abc import Iterator
from pathlib import Path

from fbnet.params import Params, SearchParams

TARGETS = {"latency": "target_ms", "macs": "target_macs"}
"""search.cost -> the param that holds a budget in its unit."""
LOGIT_REACH = 5.0
"""How far a logit must be able to move for a softmax over a dozen blocks to decide."""


def contradictions(params: Params) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong and how to mend it) for each contradiction."""
    search = params.search
    if params.space not in params.spaces:
        yield "space", f"{params.space!r} is not one of spaces: {', '.join(params.spaces)}"
    if search.warmup_epochs >= search.epochs:
        yield (
            "search.warmup_epochs",
            f"{search.warmup_epochs} leaves no epoch for the architecture: keep it below "
            f"search.epochs ({search.epochs})",
        )
        return
    if search.temperature_floor > search.temperature:
        yield (
            "search.temperature_floor",
            f"{search.temperature_floor} lies above search.temperature ({search.temperature})",
        )
    yield from _budget(search)
    if params.retrain.warmup_epochs >= params.retrain.epochs:
        yield (
            "retrain.warmup_epochs",
            f"{params.retrain.warmup_epochs} must stay below retrain.epochs "
            f"({params.retrain.epochs})",
        )
    if params.retrain.candidates > search.candidates + 1:
        yield (
            "retrain.candidates",
            f"{params.retrain.candidates} asks for more than the search scores "
            f"(search.candidates + the argmax = {search.candidates + 1})",
        )
    if faces := rendered_proxy_faces(params):
        arch = int(faces * search.arch_share)
        if reason := cannot_decide(search.lengthened(faces - arch), arch):
            yield "search.nas_lr", reason


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
    if search.mode == "target" and search.cost_form == "seed":
        yield "search.cost_form", "the seed has no budget: take normalised with mode: target"


def rendered_proxy_faces(params: Params) -> int | None:
    """Faces of the search where params alone tell (rendered ones), None where only data do."""
    if not (Path(params.fetch.root) / "head.npz").exists():
        return None
    train = params.fetch.synthetic.train * (1 - params.fetch.validation_share)
    return int(train * params.search.proxy_share)


def cannot_decide(search: SearchParams, arch_faces: int) -> str | None:
    """Why the search cannot decide, or None: steps * nas_lr bounds how far a logit moves."""
    steps = search.arch_steps(arch_faces)
    reach = steps * search.nas_lr
    if reach >= LOGIT_REACH:
        return None
    return (
        f"{search.nas_lr} over {steps} architecture steps moves a logit by {reach:.2g} at most, "
        f"{LOGIT_REACH:g} are needed to decide: raise it to {LOGIT_REACH / max(steps, 1):.2g}, or "
        f"raise search.epochs, or lower search.arch_batch"
    )
