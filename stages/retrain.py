"""Retrain: the chosen subnet inherits the supernet's weights and is trained to its best."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from fbnet.faces.faceset import FaceSet
from fbnet.files import read_json, write_csv, write_json
from fbnet.nets.pfld import build_auxnet, build_subnet
from fbnet.params import Params
from fbnet.progress import say
from fbnet.search.mixed import build_supernet, inherit
from fbnet.training.checkpoints import Checkpoint, checkpoint, fingerprint
from fbnet.training.device import launch
from fbnet.training.retrain import Retraining
from fbnet.training.weights import load_weights, save_weights
from stages.runner import CHECKPOINTS, run_stage

Log = Callable[[int, dict[str, float]], None]
FACES = Path("results/fetch/faces")
ARCHITECTURE = Path("results/search/architecture.json")
SUPERNET = Path("results/search/supernet.safetensors")


@dataclass(frozen=True)
class Trained:
    """A candidate after its training."""

    choice: tuple[str, ...]
    inherited: int
    training: Retraining

    @property
    def val_nme(self) -> float:
        """Best validation NME."""
        return float(self.training.best["nme"])


def main(params: Params, out: Path, log: Log) -> str:
    """Train the best candidates of the search; keep the best by validation NME."""
    faces, found, fabric = FaceSet.load(FACES), read_json(ARCHITECTURE), launch(params.train)
    choices = [tuple(choice) for choice in found["candidates"][: params.retrain.candidates]]
    used = params.model_dump(include={"retrain", "augment", "train"}) | {
        "space": params.search_space.model_dump()
    }
    with checkpoint(
        CHECKPOINTS, "retrain", fingerprint(used, [FACES, ARCHITECTURE, SUPERNET])
    ) as saved:
        trained = [
            train(params, faces, choice, fabric, saved.inner(str(i)), log if i == 0 else quiet)
            for i, choice in enumerate(choices)
        ]
        best = min(trained, key=lambda t: t.val_nme)
        write_results(best, trained, found, out)
    return (
        f"retrain: {' '.join(best.choice)}, validation NME {best.val_nme:.2%} after epoch "
        f"{best.training.best['epoch']} of {params.retrain.epochs}, in {out}/subnet.safetensors"
    )


def quiet(step: int, figures: dict[str, float]) -> None:
    """Log nothing: curves of further candidates would overlay the first one's."""


def train(
    params: Params,
    faces: FaceSet,
    choice: tuple[str, ...],
    fabric: Fabric,
    saved: Checkpoint,
    log: Log,
) -> Trained:
    """Train one candidate to the end."""
    p, space = params.retrain, params.search_space
    points = faces.scheme.points
    net = build_subnet(space, points, choice, faces.size, p.seed)
    pose_net = build_auxnet(faces.size, p.seed)
    inherited = 0
    if p.inherit:
        supernet = build_supernet(space, points, faces.size)
        supernet.load_state_dict(load_weights(SUPERNET, "net."))
        inherited, total = inherit(supernet, net, choice)
        if pose := load_weights(SUPERNET, "pose."):
            pose_net.load_state_dict(pose)
        say(f"retrain: {' '.join(choice)} inherits {inherited} of {total} tensors")
    training = Retraining(
        faces, net, pose_net, p, params.augment if p.augment else None, fabric
    )
    training.run(saved, log)
    return Trained(choice, inherited, training)


def write_results(best: Trained, trained: list[Trained], found: Any, out: Path) -> None:
    """Weights, architecture, history and metrics of the best, and a row for every candidate."""
    save_weights(out / "subnet.safetensors", best.training.best["weights"])
    kept = {name: found[name] for name in ("space", "points", "size")}
    write_json(out / "architecture.json", kept | {"choice": list(best.choice)})
    write_csv(out / "history.csv", best.training.history)
    write_csv(
        out / "candidates.csv",
        [{"choice": " ".join(t.choice), "val_nme": t.val_nme} for t in trained],
    )
    write_json(
        out / "metrics.json",
        {
            "retrain_val_nme": best.val_nme,
            "retrain_best_epoch": best.training.best["epoch"],
            "retrain_inherited_tensors": best.inherited,
        },
    )


if __name__ == "__main__":
    run_stage("retrain", main)
