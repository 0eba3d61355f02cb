"""Retrain: the chosen subnet inherits the supernet's weights and is trained to its best.

Reads results/fetch/faces and results/search. Leaves in results/retrain the subnet's weights, its
architecture and its history. With retrain.candidates above 1 the best few architectures of the
search are trained and the best by validation NME stays. What `export.outputs` asks beside landmarks
is then learned by small heads on the finished net.
An interrupted training resumes from its last epoch.
"""

from typing import TYPE_CHECKING

from fbnet.errors import BadInput
from stages.results import Results, checkpoints
from stages.runner import NOT_RANK_ZERO, run_stage, stage_code

if TYPE_CHECKING:
    from fbnet.progress import Log
    from stages.params import Params


def main(params: "Params", results: Results, log: "Log") -> str:
    """Train the best candidates of the search; keep the best by validation NME."""
    from fbnet import plots
    from fbnet.faces.faceset import FaceSet
    from fbnet.progress import no_log
    from fbnet.search.finetune import best_of, finetune, with_heads, write_results
    from fbnet.training.checkpoints import checkpoint, fingerprint, load_weights
    from fbnet.training.device import launch
    from fbnet.training.heads import lessons

    searched, p = results.architecture(results.searched), params.retrain
    faces, space = FaceSet.load(results.require(results.faces)), params.search_space
    if (points := searched["points"]) != faces.points and p.inherit:
        raise BadInput(
            f"{results.searched}: a net of {points} points, and the faces have {faces.points}; "
            f"search again, or `fbnet convert --points {faces.points}` what it came from"
        )
    if (size := searched["size"]) != faces.size and p.inherit:
        raise BadInput(
            f"{results.searched}: a net for {size} px, and the faces are of {faces.size} px; "
            "search again, fetch faces of that size, or set retrain.inherit: false"
        )
    supernet = load_weights(results.require(results.supernet)) if p.inherit else {}
    augment = params.augment if p.augment else None
    rendered = FaceSet.load(p.heads_faces) if p.heads_faces else None
    taught = lessons(params.export.heads, faces, rendered)
    fabric = launch(params.train)
    used = params.model_dump(include={"retrain", "augment"})
    used["space"] = space.model_dump()
    used["train"] = params.train.arithmetic()
    inputs = [results.faces, results.searched, *([results.supernet] if p.inherit else [])]
    # Not every file of an architecture names more than the chosen one.
    candidates = searched["candidates"] or [searched["choice"]]
    key = fingerprint(used, inputs, stage_code("retrain"))
    # A run has one curve, the kept candidate's: with several it is known at the end only, and the
    # tracking takes it from history.csv.
    live = log if p.candidates == 1 else no_log
    with checkpoint(checkpoints(), "retrain", key, fabric) as saved:
        trained = [
            finetune(
                tuple(choice),
                faces,
                space,
                supernet,
                p,
                augment,
                fabric,
                shards=params.train.shards,
                graph=params.train.graph == "auto",
                saved=saved.inner(str(i)),
                log=live,
            )
            for i, choice in enumerate(candidates[: p.candidates])
        ]
        best, shards = best_of(trained), params.train.shards
        if taught:
            best = with_heads(best, taught, space, p, augment, fabric, shards)
        if not fabric.is_global_zero:
            return NOT_RANK_ZERO
        write_results(best, trained, searched["space"], faces, results.folder("retrain"))
        plots.history(best.history, results.picture("retrain", "history"))
    return (
        f"{' '.join(best.choice)}, validation NME {best.val_nme:.2%} after epoch {best.epoch} of "
        f"{len(best.history)}, in {results.subnet}"
    )


if __name__ == "__main__":
    run_stage("retrain", main)
