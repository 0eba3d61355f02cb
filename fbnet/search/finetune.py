"""From a searched architecture to a trained subnet: inherit the supernet's weights, train on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor, nn

from fbnet.faces.faceset import FaceSet
from fbnet.files import write_csv, write_json
from fbnet.nets.pfld import PFLD, build_auxnet, build_subnet
from fbnet.params import AugmentParams, RetrainParams, SpaceParams
from fbnet.progress import Log, no_log, say
from fbnet.search.sampling import Choice
from fbnet.search.supernet import build_supernet, inherit
from fbnet.training.checkpoints import Checkpoint
from fbnet.training.device import one_process
from fbnet.training.retrain import Retraining
from fbnet.training.weights import save_weights


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
    history: list[dict[str, float]]


@dataclass(frozen=True)
class Finetuning:
    """Trains architectures of one space on one face set.

    `supernet` holds the search's weights under `net.` and, where it trained one, the pose net's
    under `pose.`; empty means fresh weights.
    """

    faces: FaceSet
    space: SpaceParams
    supernet: Mapping[str, Tensor]
    params: RetrainParams
    augment: AugmentParams | None = None
    fabric: Fabric = field(default_factory=one_process)
    shards: int | None = None

    def train(self, choice: Choice, saved: Checkpoint | None = None, log: Log = no_log) -> Trained:
        """Train `choice` to the end, from its checkpoint where there is one."""
        p, faces = self.params, self.faces
        net = build_subnet(self.space, faces.points, choice, faces.size, p.seed)
        pose_net = build_auxnet(faces.size, p.seed)
        inherited = self._inherit(net, pose_net, choice) if self.supernet else 0
        training = Retraining(
            faces, net, pose_net, p, self.augment, self.fabric, shards=self.shards
        )
        training.run(saved, log)
        best = training.best
        return Trained(
            choice, inherited, best["nme"], best["epoch"], best["weights"], training.history
        )

    def _inherit(self, net: PFLD, pose_net: nn.Module, choice: Choice) -> int:
        supernet = build_supernet(self.space, self.faces.points, self.faces.size)
        supernet.load_state_dict(_part(self.supernet, "net."))
        inherited, total = inherit(supernet, net, choice)
        if pose := _part(self.supernet, "pose."):
            pose_net.load_state_dict(pose)
        say(f"retrain: {' '.join(choice)} inherits {inherited} of {total} tensors")
        return inherited


def write_results(trained: Sequence[Trained], found: Any, out: Path) -> Trained:
    """Write the best of `trained` into `out`, and a row for each; `found` is the search's file."""
    best = min(trained, key=lambda t: t.val_nme)
    save_weights(out / "subnet.safetensors", best.weights)
    kept = {name: found[name] for name in ("space", "points", "size")}
    write_json(out / "architecture.json", kept | {"choice": list(best.choice)})
    write_csv(out / "history.csv", best.history)
    rows = [{"choice": " ".join(t.choice), "val_nme": t.val_nme} for t in trained]
    write_csv(out / "candidates.csv", rows)
    write_json(out / "metrics.json", {"retrain_val_nme": best.val_nme})
    details = {
        "retrain_best_epoch": best.epoch,
        "retrain_inherited_tensors": best.inherited,
    }
    write_json(out / "details.json", details)
    return best


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
