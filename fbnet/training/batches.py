"""Batches of faces as tensors, prepared one thread ahead of their use."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor

from fbnet.errors import safe_point
from fbnet.faces.faceset import FaceSet
from fbnet.params import AugmentParams
from fbnet.training.augment import augment as vary
from fbnet.training.schedule import steps_of

T = TypeVar("T")
THREAD = "faces"
"""Name of the preparing thread."""
AHEAD = 2
"""Batches kept ready."""
ORDER = 1
"""Keeps the draws of the order apart from those of the augmentation."""


@dataclass(frozen=True)
class Batch:
    """B faces.

    image: float32 [B, 3, size, size], 0..1, BGR, channels_last in memory.
    landmarks: float32 [B, P, 2] in units of the crop. pose: float32 [B, 3] in radians.
    index: int64 [B], the faces' numbers in the face set.
    global_batch: faces of the step over all processes and shards; 0 stands for B.
    """

    image: Tensor
    landmarks: Tensor
    pose: Tensor
    index: Tensor
    global_batch: int = 0

    def __post_init__(self) -> None:
        """Count the faces where no number of the global batch is given."""
        object.__setattr__(self, "global_batch", self.global_batch or len(self.index))

    def cut(self, start: int, end: int) -> "Batch":
        """Faces `start` to `end` - 1, as a part of the same global batch."""
        names = ("image", "landmarks", "pose", "index")
        return replace(self, **{name: getattr(self, name)[start:end] for name in names})

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
        """The fields in order."""
        return self.image, self.landmarks, self.pose, self.index, self.global_batch

    def __len__(self) -> int:
        """Number of faces B."""
        return len(self.index)


@dataclass(frozen=True)
class Part:
    """Shards `first` to `end` - 1 of a global batch cut into `shards`; by default all of it."""

    first: int = 0
    end: int = 1
    shards: int = 1

    def of(self, chosen: np.ndarray) -> np.ndarray:
        """The part's share of a global batch's faces."""
        edges = np.cumsum([0, *shard_sizes(len(chosen), self.shards)])
        return chosen[edges[self.first] : edges[self.end]]


def shard_sizes(faces: int, shards: int) -> list[int]:
    """Faces of each shard of a batch: as even as can be, larger ones first."""
    return [faces // shards + (i < faces % shards) for i in range(shards)]


def batches(
    faces: FaceSet,
    indices: Any,
    batch: int,
    *,
    seed: int,
    epoch: int,
    augment: AugmentParams | None = None,
    shuffle: bool,
    prefetch: bool = True,
    part: Part = Part(),
) -> Iterator[Batch]:
    """Batches of the faces at `indices`; without `augment` their inner crops as they are.

    The order depends on (seed, epoch), a face's variation on (seed, epoch, its index): neither on
    the batch size, on threads, or on what was drawn before. The last batch may be smaller; where
    it would be tiny, a shuffled epoch adds it to the one before (`steps_of`). `part` takes its
    share of each batch. An error in the preparing thread is raised here; leaving the loop early
    ends the thread.
    """
    order = ordered(indices, seed, epoch) if shuffle else np.asarray(indices, dtype=np.int64)
    # cv2 on pictures this small gains nothing from threads.
    cv2.setNumThreads(1)

    def prepare() -> Iterator[Batch]:
        steps = steps_of(len(order), batch, part.shards) if shuffle else ceil(len(order) / batch)
        for chosen, whole in shares(order, batch, part, steps):
            crops, landmarks, pose = (
                (faces.crops(chosen), faces.landmarks[chosen], faces.pose[chosen])
                if augment is None
                else _augmented(faces, chosen, (seed, epoch), augment)
            )
            labels = [torch.from_numpy(array) for array in (landmarks, pose, chosen.copy())]
            yield Batch(to_image_tensor(crops), labels[0], labels[1], labels[2], whole)

    return prefetched(prepare()) if prefetch else prepare()


def ordered(indices: Any, seed: int, epoch: int) -> np.ndarray:
    """The order in which an epoch takes the faces at `indices`, int64."""
    rng = np.random.default_rng([seed, epoch, 0, ORDER])
    return rng.permutation(np.asarray(indices, dtype=np.int64))


def shares(
    order: np.ndarray, batch: int, part: Part, steps: int
) -> Iterator[tuple[np.ndarray, int]]:
    """The part's faces of each global batch of `order`, and the faces of that batch.

    steps: how many batches there are; the last one ends with `order`.
    """
    for step in range(steps):
        end = len(order) if step == steps - 1 else (step + 1) * batch
        whole = order[step * batch : end]
        yield part.of(whole), len(whole)


def to_image_tensor(crops: np.ndarray) -> Tensor:
    """Crops uint8 [n, size, size, 3] as the networks take them: see `Batch.image`."""
    # The permuted view is channels_last already; the conversion keeps that layout.
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float().div_(255.0)


def _augmented(
    faces: FaceSet, chosen: np.ndarray, key: tuple[int, int], params: AugmentParams
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    crops = np.empty((len(chosen), faces.size, faces.size, 3), np.uint8)
    landmarks = np.empty((len(chosen), faces.points, 2), np.float32)
    pose = np.empty((len(chosen), 3), np.float32)
    for row, index in enumerate(chosen):
        crops[row], landmarks[row], pose[row] = vary(
            faces.images[index],
            faces.landmarks[index],
            faces.pose[index],
            np.random.default_rng([*key, int(index)]),
            params,
            faces.scheme,
            faces.size,
            faces.margin,
        )
    return crops, landmarks, pose


@dataclass(frozen=True)
class _Failure:
    error: BaseException


def prefetched(source: Iterator[T]) -> Iterator[T]:
    """Run `source` in a thread, at most AHEAD items in front of the reader. Each is a safe point.

    An error in `source` is raised in the reader's loop; leaving the loop early ends the thread.
    """
    ready: queue.Queue[T | _Failure | None] = queue.Queue(maxsize=AHEAD)
    stopped = threading.Event()

    def fill() -> None:
        try:
            for item in source:
                if stopped.is_set():
                    return
                ready.put(item)
            ready.put(None)
        except BaseException as error:
            ready.put(_Failure(error))

    thread = threading.Thread(target=fill, name=THREAD, daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, _Failure):
                raise item.error
            safe_point()
            yield item
    finally:
        stopped.set()
        while not ready.empty():  # a put that waits for room returns and sees the stop
            ready.get_nowait()
        thread.join()
