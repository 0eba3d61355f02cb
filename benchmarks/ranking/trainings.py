"""Architectures trained alone, each training in a result file of its own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmarks.ranking.digests import face_set, short
from benchmarks.ranking.jobs import Job
from fbnet.costs.macs import count_net
from fbnet.faces.faceset import FaceSet
from fbnet.files import digest
from fbnet.nets.pfld import build_subnet
from fbnet.params import AugmentParams, RetrainParams, SpaceParams, TrainParams
from fbnet.search.finetune import Trained, finetune
from fbnet.search.sampling import Choice
from fbnet.training.checkpoints import load_weights
from fbnet.training.device import launch
from fbnet.training.validate import validation_nme


@dataclass(frozen=True)
class Recipe:
    """All that a stand-alone training hangs on but the architecture and the seed.

    `supernet` is the file whose weights are inherited, None for a training from scratch.
    """

    faces: Path
    space: SpaceParams
    retrain: RetrainParams
    augment: AugmentParams | None
    train: TrainParams
    supernet: Path | None = None

    @property
    def key(self) -> str:
        """Digest of params and inputs. Of the code it knows nothing: see the docs."""
        record = {
            "faces": face_set(self.faces),
            "space": self.space.model_dump(),
            "retrain": self.retrain.model_dump(exclude={"seed", "candidates"}),
            "augment": self.augment.model_dump() if self.augment else None,
            "train": self.train.model_dump(include={"accelerator", "precision", "threads"}),
            "supernet": digest(self.supernet) if self.supernet else None,
        }
        return short(record)

    def inheriting(self, supernet: Path) -> "Recipe":
        """The same training, from the supernet's weights."""
        changed = self.retrain.model_copy(update={"inherit": True})
        return Recipe(self.faces, self.space, changed, self.augment, self.train, supernet)


def train(recipe: Recipe, choice: Choice, seed: int) -> dict[str, Any]:
    """Train one architecture; its best epoch is picked on validation, test is only reported."""
    faces, fabric = FaceSet.load(recipe.faces), launch(recipe.train)
    params = recipe.retrain.model_copy(update={"seed": seed})
    weights: Mapping[str, Tensor] = load_weights(recipe.supernet) if recipe.supernet else {}
    trained = finetune(choice, faces, recipe.space, weights, params, recipe.augment, fabric)
    net = build_subnet(recipe.space, faces.points, choice, faces.size)
    net.load_state_dict(trained.weights)
    fabric.to_device(net)
    test = validation_nme(net, faces, faces.indices("test"), fabric)
    size = count_net(recipe.space, faces.points, choice, faces.size)
    return _record(trained, seed, recipe.key) | {
        "test_nme": test,
        "macs": size.macs,
        "params": size.params,
    }


def _record(trained: Trained, seed: int, key: str) -> dict[str, Any]:
    scored = [[row["epoch"], row["val_nme"]] for row in trained.history if "val_nme" in row]
    return {
        "choice": list(trained.choice),
        "seed": seed,
        "recipe": key,
        "val_nme": trained.val_nme,
        "epoch": trained.epoch,
        "history": scored,
    }


@dataclass(frozen=True)
class Ledger:
    """The result files of one recipe in one folder."""

    folder: Path
    recipe: Recipe

    def job(self, choice: Choice, seed: int) -> Job:
        """One training; architecture, seed and recipe name its file."""
        path = self.folder / f"{short(list(choice))}-{seed}-{self.recipe.key}.json"
        return Job(path, train, (self.recipe, choice, seed))

    def jobs(self, choices: Iterable[Choice], seeds: Iterable[int]) -> list[Job]:
        """A job for each training; the first seed of all comes before the second of any."""
        distinct = list(dict.fromkeys(choices))
        return [self.job(choice, seed) for seed in seeds for choice in distinct]
