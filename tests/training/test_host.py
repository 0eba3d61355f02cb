"""What CUDA graphs hold never touches the host: seen without a GPU, on a device without values.

A capture refuses an operation that reads a tensor's value or copies from the host. Tensors of
torch's device "meta" go through the same operations, each of which is looked at.
"""

from contextlib import nullcontext
from functools import partial
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fbnet.costs.lut import Lut
from fbnet.faces.faceset import FaceSet
from fbnet.nets.pfld import build_auxnet, build_subnet
from fbnet.params import AugmentParams, RetrainParams, SearchParams, SpaceParams
from fbnet.search.loop import Search
from fbnet.tables import LOSSES, OPTIMIZERS
from fbnet.training.batches import Batch
from fbnet.training.device_augment import DeviceAugment
from fbnet.training.optim import capturable
from fbnet.training.retrain import Retraining

META = torch.device("meta")
BATCH = 8


class Host(TorchDispatchMode):
    """Notes each operation that reads a value, or has a tensor on the host."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        tensors = [x for x in tree_leaves((args, kwargs, outputs)) if isinstance(x, Tensor)]
        if any(x.device.type == "cpu" for x in tensors) or "_local_scalar_dense" in str(func):
            self.operations.append(str(func))
        return outputs


class MetaFabric:
    """In place of Fabric with one accelerator."""

    device = META
    world_size, global_rank = 1, 0

    def to_device(self, given: Any) -> Any:
        """The module, or the tuple of tensors, there."""
        return tuple(map(self.to_device, given)) if isinstance(given, tuple) else given.to(META)

    def autocast(self) -> Any:
        """Full precision."""
        return nullcontext()


def _without_fused(optimizer: Any, *args: Any, fused: bool = False, **kwargs: Any) -> Any:
    return optimizer(*args, **kwargs, foreach=True)


@pytest.fixture
def fabric(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a training needs to run there; fused optimisers do not know the device."""

    for name in ("AdamW", "RMSprop"):
        # As torch chooses for tensors of a GPU.
        many_at_once = partial(_without_fused, getattr(torch.optim, name))
        monkeypatch.setattr(torch.optim, name, many_at_once)
    for module in map(import_module, ("torch.optim.adam", "torch.optim.rmsprop")):
        devices = "_get_capturable_supported_devices"
        monkeypatch.setattr(module, devices, lambda *_, **__: ["meta"])
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda device: False)
    monkeypatch.setattr("fbnet.training.trainer.ResidentFaces", lambda *_, **__: None)
    return MetaFabric()


def batch(faces: FaceSet) -> Batch:
    image = torch.empty(BATCH, 3, faces.size, faces.size, device=META)
    landmarks = torch.empty(BATCH, faces.points, 2, device=META)
    pose, index = torch.empty(BATCH, 3, device=META), torch.arange(BATCH, device=META)
    return Batch(image.contiguous(memory_format=torch.channels_last), landmarks, pose, index)


def test_a_read_and_a_copy_are_seen() -> None:
    x = torch.ones(2)
    with Host() as host:
        torch.empty(2, device=META).copy_(x)
        x.sum().item()
    assert {"aten.copy_.default", "aten._local_scalar_dense.default"} <= set(host.operations)
    with Host() as host:
        torch.empty(2, device=META) + 1
    assert not host.operations


def test_the_augmentation_stays_on_the_device(faces: FaceSet) -> None:
    varied = DeviceAugment(AugmentParams(), faces.scheme, faces.size, faces.margin, META)
    images = torch.empty(BATCH, *faces.images.shape[1:], dtype=torch.uint8, device=META)
    given = batch(faces)
    with Host() as host:
        crops, landmarks, _ = varied(images, given.landmarks, given.pose)
    assert crops.shape == given.image.shape and landmarks.shape == given.landmarks.shape
    assert not host.operations


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_retraining_step_stays_on_the_device(
    faces: FaceSet, space: SpaceParams, fabric: Any, optimizer: str, loss: str
) -> None:
    net = build_subnet(space, faces.points, ("sep_k3", "mb_k3", "mb_k3"), faces.size, seed=1)
    params = RetrainParams(optimizer=optimizer, loss=loss)
    learner = Retraining(faces, net, build_auxnet(faces.size), params, fabric=fabric).learner
    assert capturable(learner.optimizer, META) and learner.average
    learner.average.prepare()
    learner._update(*batch(faces).parts)
    with Host() as host:
        learner._update(*batch(faces).parts)
    assert not host.operations


@pytest.mark.parametrize(
    "changes",
    [
        {"sampling": "soft"},
        {"sampling": "hard"},
        {"mode": "add"},
        {"mode": "target", "target_ms": 25.0},
    ],
    ids=str,
)
def test_the_steps_of_a_search_stay_on_the_device(
    faces: FaceSet, space: SpaceParams, fabric: Any, changes: dict[str, Any]
) -> None:
    layers = tuple({b: 1.0 + 20.0 * (j > 0) for j, b in enumerate(ops)} for ops in space.layer_ops)
    params = SearchParams(
        epochs=2, warmup_epochs=1, batch=16, arch_batch=4, nas_lr=3.0, min_steps=0, proxy_share=1.0
    ).model_copy(update=changes)
    search = Search(faces, space, Lut("ms", layers, 1.0, "drawn"), params, fabric=fabric)
    for optimizer in (search.learner.optimizer, search.arch_optimizer):
        assert capturable(optimizer, META)
    parts = batch(faces).parts
    heat, noise = torch.empty((), device=META), [x.to(META) for x in search._noise("weights", 0)]
    search._update_alphas(*parts, heat, *noise)
    with Host() as host:
        search._update_alphas(*parts, heat, *noise)
        search._masks("architecture", noise, heat)
        if params.sampling == "soft":
            search.learner._update(*parts, *search._masks("weights", noise, heat))
    assert not host.operations
