"""From a searched architecture to a trained subnet: inherit the supernet's weights, train on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lightning_fabric import Fabric
from torch import Tensor, nn

from fbnet.faces.faceset import FaceSet
from fbnet.files import write_csv, write_json
from fbnet.nets.pfld import PFLD, build_auxnet, build_subnet
from fbnet.params import AugmentParams, RetrainParams, SpaceParams
from fbnet.progress import Log, no_log, say
from fbnet.search.sampling import Choice
from fbnet.search.supernet import build_supernet, inherit
from fbnet.training.checkpoints import Checkpoint, load_into, save_weights, snapshot
from fbnet.training.device import one_process
from fbnet.training.heads import Lesson, train_heads
from fbnet.training.learner import set_start
from fbnet.training.retrain import Retraining


@dataclass(frozen=True)
class Trained:
    """An architecture after its training."""

    choice: Choice
    inherited: int
    """Tensors taken over from the supernet."""
    val_nme: float
    """Best validation NME, a fraction."""
    epoch: int
    """Epoch of the best validation NME."""
    weights: dict[str, Tensor]
    """Weights of that epoch, by name."""
    history: list[dict[str, float]]
    """Figures of each epoch."""
    heads: tuple[str, ...] = ()
    """What the weights give beside landmarks."""


def finetune(
    choice: Choice,
    faces: FaceSet,
    space: SpaceParams,
    supernet: Mapping[str, Tensor],
    params: RetrainParams,
    augment: AugmentParams | None = None,
    fabric: Fabric | None = None,
    *,
    shards: int | None = None,
    graph: bool = True,
    saved: Checkpoint | None = None,
    log: Log = no_log,
) -> Trained:
    """Train the subnet of `choice` to the end, from its checkpoint `saved` where it holds one.

    `supernet`: see `inherited_nets`. The rest: see `Retraining`.
    """
    net, pose_net, inherited = inherited_nets(choice, faces, space, supernet, params)
    training = Retraining(faces, net, pose_net, params, augment, fabric, shards=shards, graph=graph)
    training.run(saved, log)
    best = training.best
    return Trained(choice, inherited, best["nme"], best["epoch"], best["weights"], training.history)


def with_heads(
    trained: Trained,
    lessons: Sequence[Lesson],
    space: SpaceParams,
    params: RetrainParams,
    augment: AugmentParams | None = None,
    fabric: Fabric | None = None,
    shards: int | None = None,
) -> Trained:
    """The same net with heads that learned from `lessons`; its own weights stay to the bit."""
    heads = tuple(head for lesson in lessons for head in lesson.heads)
    faces = lessons[0].faces
    net = build_subnet(space, faces.points, trained.choice, faces.size, params.seed, heads)
    net.load_state_dict(trained.weights, strict=False)
    train_heads(net, lessons, params, augment, fabric or one_process(), shards)
    return replace(trained, weights=snapshot(net), heads=heads)


def best_of(trained: Sequence[Trained]) -> Trained:
    """The one with the lowest validation NME."""
    return min(trained, key=lambda t: t.val_nme)


def inherited_nets(
    choice: Choice,
    faces: FaceSet,
    space: SpaceParams,
    supernet: Mapping[str, Tensor],
    params: RetrainParams,
) -> tuple[PFLD, nn.Module, int]:
    """The subnet of `choice`, its pose net, and the number of tensors that the subnet inherits.

    `supernet` holds the search's weights under `net.` and, where it trained one, the pose net's
    under `pose.`; what it lacks, all where it is empty, starts as `params` say. Raises BadInput
    where it is of another space or of faces with other points.
    """

    def under(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in supernet.items() if k.startswith(prefix)}

    net = build_subnet(space, faces.points, choice, faces.size, params.seed)
    set_start(net, faces, params.start)
    pose_net = build_auxnet(faces.size, params.seed, space)
    if not supernet:
        return net, pose_net, 0
    source = build_supernet(space, faces.points, faces.size)
    load_into(source, under("net."), f"the search's supernet for {faces.points} points")
    inherited, total = inherit(source, net, choice)
    if pose := under("pose."):
        pose_net.load_state_dict(pose)
    say(f"retrain: {' '.join(choice)} inherits {inherited} of {total} tensors")
    return net, pose_net, inherited


def write_results(
    best: Trained, trained: Sequence[Trained], space: str, faces: FaceSet, out: Path
) -> None:
    """Write the best of `trained`, on `faces`, into `out`, and a row for each. space: its name."""
    save_weights(out / "subnet.safetensors", best.weights)
    kept = {"space": space, "points": faces.points, "size": faces.size}
    heads = {"heads": list(best.heads)} if best.heads else {}
    write_json(out / "architecture.json", kept | {"choice": list(best.choice)} | heads)
    write_csv(out / "history.csv", best.history)
    rows = [{"choice": " ".join(t.choice), "val_nme": t.val_nme} for t in trained]
    write_csv(out / "candidates.csv", rows)
    write_json(out / "metrics.json", {"retrain_val_nme": best.val_nme})
    details = {
        "retrain_best_epoch": best.epoch,
        "retrain_inherited_tensors": best.inherited,
    }
    write_json(out / "details.json", details)
