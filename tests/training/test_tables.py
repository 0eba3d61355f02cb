"""Losses, optimisers and augmentations by name: refused when unknown, added from outside."""

import pytest
import torch
from pydantic import ValidationError

from fbnet.costs.lut import Lut
from fbnet.nets.pfld import build_subnet
from fbnet.params import AugmentParams, RetrainParams, SearchParams
from fbnet.search.loop import Search
from fbnet.tables import LOSSES, OPTIMIZERS
from fbnet.training.augment import AUGMENTATIONS, Augmentation
from fbnet.training.losses import LandmarkLoss
from fbnet.training.retrain import Retraining


@pytest.fixture(autouse=True)
def tables(monkeypatch):
    """The tables, without what another test added."""
    for table in (LOSSES, OPTIMIZERS, AUGMENTATIONS):
        monkeypatch.setattr(table, "_entries", dict(table._entries))


def test_additions_from_outside_are_trained_with(faces, space):
    used = []

    def huber(residuals):
        used.append("huber")
        return torch.nn.functional.huber_loss(
            residuals, torch.zeros_like(residuals), reduction="none", delta=0.1
        )

    def sgd(parameters, lr, weight_decay):
        used.append("sgd")
        return torch.optim.SGD(parameters, lr=lr, weight_decay=weight_decay)

    def invert(crop, draws, rng, params):
        used.append("invert")
        assert len(draws) == 1
        return 255 - crop

    LOSSES.register("huber", LandmarkLoss(huber))
    OPTIMIZERS.register("sgd", sgd)
    AUGMENTATIONS.register("invert", Augmentation(1, invert))

    named = {"loss": "huber", "optimizer": "sgd", "epochs": 2, "min_steps": 0, "batch": 16}
    net = build_subnet(space, faces.points, ("sep_k3", "mb_k3", "mb_k3"), faces.size)
    retraining = Retraining(faces, net, None, RetrainParams(**named), AugmentParams())
    retraining.run()
    layers = tuple({block: 1.0 for block in ops} for ops in space.layer_ops)
    lut = Lut("ms", layers, 1.0, "drawn")
    whole = {"proxy_share": 1.0, "calibration_faces": 16}
    params = SearchParams(**named, **whole, warmup_epochs=1, arch_batch=4, nas_lr=3.0)
    search = Search(faces, space, lut, params, AugmentParams())
    search.run()
    assert set(used) == {"huber", "sgd", "invert"}
    assert retraining.best["nme"] > 0 and "arch_loss" in search.history[-1]


@pytest.mark.parametrize("section", [SearchParams, RetrainParams])
@pytest.mark.parametrize(
    ("key", "name", "known"),
    [("loss", "wings", "l2, wing, smooth_wing"), ("optimizer", "adam", "adamw, rmsprop")],
)
def test_an_unknown_name_is_refused_with_the_known_ones(section, key, name, known):
    with pytest.raises(ValidationError, match=f"unknown {key} '{name}'; .*known: {known}"):
        section(**{key: name})
