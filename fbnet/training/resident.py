"""Faces that lie on the device, and their batches, varied there."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.params import AugmentParams
from fbnet.training.batches import Batch, Part, ordered, shares
from fbnet.training.device import seed_for
from fbnet.training.device_augment import DeviceAugment
from fbnet.training.graph import Graphed
from fbnet.training.schedule import steps_of

FREE_SHARE = 0.5
"""Share of a GPU's free memory that faces may take; the rest is for the training."""
BLOCK = 1024
"""Faces copied to the device at once."""
ALL = Part()
"""The whole of every batch."""


class ResidentFaces:
    """A face set on a device, whole, or as many at a time as there is room for.

    Batches are cut out and varied on the device by `DeviceAugment`: the distribution is that of
    `fbnet.training.batches`, the draws are others, and they depend on the batch's size too.
    """

    def __init__(
        self,
        faces: FaceSet,
        augment: AugmentParams | None,
        device: torch.device,
        *,
        capacity: int | None = None,
        graph: bool = True,
    ) -> None:
        """Take the memory. `capacity`: faces that lie there at once; None: as many as fit.

        augment: None leaves the inner crops as they are. graph: see `Graphed`.
        """
        self.faces, self.device = faces, device
        total, side, *_ = faces.images.shape
        self.capacity = min(total, capacity or room(faces, device))
        self.images = torch.empty((self.capacity, side, side, 3), dtype=torch.uint8, device=device)
        self.landmarks = torch.empty((self.capacity, faces.points, 2), device=device)
        self.pose = torch.empty((self.capacity, 3), device=device)
        self.generator = torch.Generator(device)
        self._loaded = False
        self._augment = augment and DeviceAugment(
            augment, faces.scheme, faces.size, faces.margin, device
        )
        self._cut = Graphed(
            "augmentation", self._batch, device, generators=[self.generator], enabled=graph
        )

    def batches(
        self, indices: np.ndarray, batch: int, *, seed: int, epoch: int, part: Part = ALL
    ) -> Iterator[Batch]:
        """Shuffled batches of the faces at `indices`, on the device: see `batches`.

        The order is that of `batches`. All draws of an epoch come from (seed, epoch, part), so a
        training that resumes at an epoch draws what it would have drawn.
        """
        self.generator.manual_seed(seed_for(seed, f"augmentation {part.first}", epoch))
        steps = steps_of(len(indices), batch, part.shards)
        chosen = list(shares(ordered(indices, seed, epoch), batch, part, steps))
        most = max((len(own) for own, _ in chosen), default=0)
        if most > self.capacity:
            raise BadInput(
                f"{most} faces of a batch do not fit on the device beside the training, "
                f"{self.capacity} do; lower the batch"
            )
        for group in self._loads(chosen):
            where = self._load(np.concatenate([own for own, _ in group]))
            start = 0
            for own, whole in group:
                places = torch.from_numpy(where[start : start + len(own)])
                start += len(own)
                image, landmarks, pose = self._cut(places)
                yield Batch(image, landmarks, pose, torch.from_numpy(own.copy()), whole)

    def _loads(
        self, chosen: list[tuple[np.ndarray, int]]
    ) -> Iterator[list[tuple[np.ndarray, int]]]:
        """Batches in groups, the faces of each of which lie on the device together."""
        if self.capacity == len(self.faces.images):
            if chosen:
                yield chosen
            return
        group: list[tuple[np.ndarray, int]] = []
        for own, whole in chosen:
            if group and sum(len(each) for each, _ in group) + len(own) > self.capacity:
                yield group
                group = []
            group.append((own, whole))
        if group:
            yield group

    def _load(self, wanted: np.ndarray) -> np.ndarray:
        """Bring faces to the device; returns where each of `wanted` lies there."""
        everything = self.capacity == len(self.faces.images)
        if not (everything and self._loaded):
            brought = np.arange(self.capacity) if everything else wanted
            for start in range(0, len(brought), BLOCK):
                block = brought[start : start + BLOCK]
                rows = slice(start, start + len(block))
                self.images[rows] = torch.from_numpy(self.faces.images[block]).to(self.device)
                for target, values in (
                    (self.landmarks, self.faces.landmarks),
                    (self.pose, self.faces.pose),
                ):
                    target[rows] = torch.from_numpy(values[block]).to(self.device)
            self._loaded = True
        return wanted if everything else np.arange(len(wanted))

    @torch.no_grad()
    def _batch(self, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Image, landmarks and pose of a batch, of the faces at `places`: see `Batch`."""
        places = places.to(self.device)
        images, landmarks = self.images[places], self.landmarks[places]
        pose = self.pose[places]
        if self._augment:
            return self._augment(images, landmarks, pose, self.generator)
        inner = slice(self.faces.margin, self.faces.margin + self.faces.size)
        crops = images[:, inner, inner].permute(0, 3, 1, 2).float() / 255.0
        return crops, landmarks, pose


def room(faces: FaceSet, device: torch.device) -> int:
    """How many of the faces fit on the device beside a training; at least one."""
    total = len(faces.images)
    if device.type != "cuda":
        return total
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(total, int(FREE_SHARE * free) // (faces.images.nbytes // total)))
