"""What `benchmarks/supernet.py` times, each side built in a process of its own."""

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import torch

from benchmarks import yardstick as plain
from fbnet.costs.lut import Lut, from_table
from fbnet.costs.macs import macs_table
from fbnet.faces.faceset import FaceSet
from fbnet.landmarks import SCHEMES
from fbnet.nets.pfld import PFLD, build_subnet
from fbnet.params import NNI_SPACE, AugmentParams, RetrainParams, SearchParams, TrainParams
from fbnet.search.loop import Search
from fbnet.search.supernet import ArchitectureParameters, build_supernet, draw_masks
from fbnet.tables import LOSSES
from fbnet.training.batches import Batch, Part, batches, to_image_tensor
from fbnet.training.device import generator_for, launch
from fbnet.training.retrain import Retraining

Task = Callable[[], int]
"""Does a piece of work on faces; returns their number."""

SIZE, MARGIN, POINTS, FACES = 112, 24, 106, 512
CHOICE = ("mb_k5_res", "mb_k5_res", "mb_k5_e2_res_se", "mb_k5_e2_res_se", "mb_k5_e2_res_se")
"""A subnet of middle cost."""


def yardstick(batch: int, train: TrainParams) -> dict[str, Task]:
    """NNI's way, in one process."""
    device = launch(train.model_copy(update={"devices": 1})).device
    faces = on(device, random_batch(batch, torch.contiguous_format))
    params, table, loss, steps = SearchParams(), lut(), LOSSES["wing"], count()
    alphas = ArchitectureParameters(NNI_SPACE).to(device)
    net = plain.plain_supernet(build_supernet(NNI_SPACE, POINTS, SIZE)).to(device)
    weights = plain.adamw(net.parameters(), params.lr, params.weight_decay)
    logits = plain.adamw(alphas.parameters(), params.nas_lr, params.nas_weight_decay)
    subnet, retrain = _subnet().to(device), RetrainParams()
    optimizer = plain.adamw(subnet.parameters(), retrain.lr, retrain.weight_decay)
    average = plain.average_of(subnet, retrain.ema)

    def draw() -> list[torch.Tensor]:
        generator = generator_for(0, "benchmark", next(steps))
        return draw_masks(alphas.alphas, params.temperature, generator)

    def soft() -> int:
        plain.weight_step(net, weights, loss, faces, [mask.detach() for mask in draw()])
        return batch

    def architecture() -> int:
        plain.architecture_step(net, logits, loss, faces, draw(), table, params)
        return batch

    def retraining() -> int:
        plain.weight_step(subnet, optimizer, loss, faces)
        average.update_parameters(subnet)
        return batch

    return {"soft": soft, "architecture": architecture, "retrain": retraining}


def ours(batch: int, train: TrainParams) -> dict[str, Task]:
    """Our way: the very code of the stages. Of several processes each takes its share."""
    fabric, graph, whole = launch(train), train.graph == "auto", random_faces(FACES)
    faces = on(fabric.device, random_batch(batch // train.devices, whole=batch))

    def searching(sampling: str) -> tuple[Task, Task]:
        params = SearchParams(sampling=sampling)
        search = Search(whole, NNI_SPACE, lut(), params, fabric=fabric, graph=graph)
        return _task(search.weight_step, faces), _task(search.architecture_step, faces)

    soft, architecture = searching("soft")
    few_path, few_path_architecture = searching("few_path")
    params = RetrainParams()
    retraining = Retraining(whole, _subnet(), None, params, fabric=fabric, graph=graph)
    return {
        "soft": soft,
        "architecture": architecture,
        "few_path": few_path,
        "few_path architecture": few_path_architecture,
        "retrain": _task(retraining.step, faces),
        "loader": _loading(whole, batch, train.devices),
    }


def epochs_of(batch: int, train: TrainParams) -> Task:
    """Retraining with all augmentation, a whole epoch of FACES random faces at a time."""
    fabric, whole = launch(train), random_faces(FACES)
    params = RetrainParams(batch=batch)
    graph = train.graph == "auto"
    training = Retraining(whole, _subnet(), None, params, AugmentParams(), fabric, graph=graph)

    def run() -> int:
        training.train_epoch()
        training.epoch += 1
        return len(training.train_faces)

    return run


def on(device: torch.device, batch: Batch) -> Batch:
    """The batch with its tensors on a device."""
    *tensors, whole = batch.parts
    image, landmarks, pose, index = (tensor.to(device) for tensor in tensors)
    return Batch(image, landmarks, pose, index, whole)


def _task(step: Callable[[Batch], object], faces: Batch) -> Task:
    def run() -> int:
        step(faces)
        return faces.global_batch

    return run


def _loading(faces: FaceSet, batch: int, processes: int) -> Task:
    """All faces once, with every augmentation of the default params: a process's share of each."""
    epochs = count()

    def run() -> int:
        everything = np.arange(len(faces.images))
        params: dict[str, Any] = {"augment": AugmentParams(), "shuffle": True, "prefetch": False}
        params["part"] = Part(0, 1, processes)
        loaded = batches(faces, everything, batch, seed=0, epoch=next(epochs), **params)
        return sum(each.global_batch for each in loaded)

    return run


def random_faces(number: int) -> FaceSet:
    """Pictures of noise with random landmarks: the arithmetic is that of true faces."""
    rng = np.random.default_rng(0)
    side = SIZE + 2 * MARGIN
    landmarks = rng.random((number, POINTS, 2), dtype=np.float32)
    left, right = SCHEMES[POINTS].eyes
    landmarks[:, right] = landmarks[:, left] + 0.4
    return FaceSet(
        images=rng.integers(0, 256, (number, side, side, 3), dtype=np.uint8),
        landmarks=landmarks,
        pose=np.zeros((number, 3), np.float32),
        split=(np.arange(number) % 8 == 0).astype(np.uint8),
        names=[str(i) for i in range(number)],
        groups=[str(i) for i in range(number)],
        size=SIZE,
        margin=MARGIN,
        layout="noise",
        source="benchmark",
    )


def random_batch(
    size: int, layout: torch.memory_format = torch.channels_last, whole: int = 0
) -> Batch:
    """`size` random faces, of a batch of `whole` where that is given."""
    faces = random_faces(size)
    indices = np.arange(size)
    labels = [torch.from_numpy(array) for array in (faces.landmarks, faces.pose, indices)]
    image = to_image_tensor(faces.crops(indices)).contiguous(memory_format=layout)
    return Batch(image, labels[0], labels[1], labels[2], whole)


def _subnet() -> PFLD:
    return build_subnet(NNI_SPACE, POINTS, CHOICE, SIZE)


def lut() -> Lut:
    """The exact cost table by MACs."""
    return from_table(macs_table(NNI_SPACE, POINTS, SIZE), NNI_SPACE)
