"""Batches: contents, order, determinism, and the thread behind them."""

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from fbnet.faces.faceset import FaceSet
from fbnet.params import AugmentParams
from fbnet.training import batches as module
from fbnet.training.batches import Part, batches, prefetched
from fbnet.training.schedule import steps_of


@pytest.fixture
def faces(make_faces: Callable[..., FaceSet]) -> FaceSet:
    return make_faces(count=10, points=68)


def gather(*args: object, **kwargs: object) -> dict[int, torch.Tensor]:
    """Image of each face by its index."""
    return {
        int(index): image
        for batch in batches(*args, **kwargs)  # type: ignore[arg-type]
        for index, image in zip(batch.index, batch.image, strict=True)
    }


def test_a_batch_holds_what_its_docs_say(faces: FaceSet) -> None:
    batch = next(batches(faces, [7, 2, 5], 2, seed=1, epoch=0, shuffle=False))
    assert batch.image.shape == (2, 3, 48, 48) and batch.image.dtype == torch.float32
    assert batch.image.is_contiguous(memory_format=torch.channels_last)
    assert batch.landmarks.shape == (2, 68, 2) and batch.landmarks.dtype == torch.float32
    assert batch.pose.shape == (2, 3) and batch.pose.dtype == torch.float32
    assert batch.index.tolist() == [7, 2] and len(batch) == 2
    expected = torch.from_numpy(faces.crops([2])[0].astype(np.float32) / 255).permute(2, 0, 1)
    torch.testing.assert_close(batch.image[1], expected)
    torch.testing.assert_close(batch.landmarks[1], torch.from_numpy(faces.landmarks[2]))


def test_the_last_batch_is_short(faces: FaceSet) -> None:
    sizes = [len(batch) for batch in batches(faces, range(10), 4, seed=1, epoch=0, shuffle=True)]
    assert sizes == [4, 4, 2]


def test_every_face_comes_once_an_epoch_in_a_new_order(faces: FaceSet) -> None:
    orders = [
        [
            int(i)
            for b in batches(faces, range(10), 3, seed=1, epoch=epoch, shuffle=True)
            for i in b.index
        ]
        for epoch in (0, 1, 0)
    ]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10))
    assert orders[0] != orders[1]
    assert orders[0] == orders[2]


@pytest.mark.parametrize("augment", [None, AugmentParams()])
def test_a_face_depends_on_its_key_only(faces: FaceSet, augment: AugmentParams | None) -> None:
    """Not on the batch size, the order, the other faces, or the thread."""
    first = gather(faces, range(10), 4, seed=1, epoch=2, augment=augment, shuffle=True)
    other = gather(
        faces, [9, 3, 4], 2, seed=1, epoch=2, augment=augment, shuffle=False, prefetch=False
    )
    for index, image in other.items():
        torch.testing.assert_close(image, first[index], rtol=0, atol=0)


def test_epochs_and_seeds_vary_the_faces(faces: FaceSet) -> None:
    keys = ((1, 0), (1, 1), (2, 0))
    images = [
        gather(faces, [0], 1, seed=seed, epoch=epoch, augment=AugmentParams(), shuffle=False)[0]
        for seed, epoch in keys
    ]
    assert not torch.equal(images[0], images[1])
    assert not torch.equal(images[0], images[2])


def test_augmented_labels_move_with_the_faces(faces: FaceSet) -> None:
    params = AugmentParams(mirror=0.0, rotate=0.0, scale=0.0, shift=0.2)
    batch = next(batches(faces, range(4), 4, seed=1, epoch=0, augment=params, shuffle=False))
    moved = batch.landmarks - torch.from_numpy(faces.landmarks[:4])
    assert moved.abs().amax(dim=(1, 2)).min() > 0.005
    torch.testing.assert_close(moved, moved[:, :1].expand_as(moved), atol=1e-5, rtol=0)
    torch.testing.assert_close(batch.pose, torch.from_numpy(faces.pose[:4]))


def prepare_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == module.THREAD]


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_leaving_early_ends_the_thread(faces: FaceSet, taken: int) -> None:
    loop = batches(faces, range(10), 1, seed=1, epoch=0, shuffle=False)
    for _ in range(taken):
        next(loop)
    assert len(prepare_threads()) == (1 if taken else 0)
    loop.close()  # type: ignore[attr-defined]
    assert not prepare_threads()


def test_the_thread_ends_with_the_epoch(faces: FaceSet) -> None:
    assert len(list(batches(faces, range(10), 2, seed=1, epoch=0, shuffle=False))) == 5
    assert not prepare_threads()


def test_an_error_in_the_thread_is_raised_in_the_loop(faces: FaceSet) -> None:
    loop = batches(faces, [0, 1, 99], 1, seed=1, epoch=0, shuffle=False)
    assert next(loop).index.tolist() == [0]
    assert next(loop).index.tolist() == [1]
    with pytest.raises(IndexError):
        next(loop)
    assert not prepare_threads()


def test_the_thread_works_ahead_but_not_far() -> None:
    started = threading.Semaphore(0)
    taken: list[int] = []

    def source() -> Iterator[int]:
        for number in range(10):
            taken.append(number)
            started.release()
            yield number

    ahead = prefetched(source())
    next(ahead)
    for _ in range(module.AHEAD + 1):
        assert started.acquire(timeout=10)
    assert len(taken) <= module.AHEAD + 2
    ahead.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("shards", [1, 2, 3])
@pytest.mark.parametrize("batch", [3, 4])
@pytest.mark.parametrize("count", range(3, 11))
def test_an_epoch_takes_every_face_in_batches_of_two_a_shard(
    faces: FaceSet, shards: int, batch: int, count: int
) -> None:
    parts = [Part(n, n + 1, shards) for n in range(shards)]
    taken = [
        [*batches(faces, range(count), batch, seed=1, epoch=0, shuffle=True, part=part)]
        for part in parts
    ]
    assert {len(epoch) for epoch in taken} == {steps_of(count, batch, shards)}
    seen = sorted(index for epoch in taken for each in epoch for index in each.index.tolist())
    assert seen == list(range(count))
    for step in zip(*taken, strict=True):
        sizes = [len(each) for each in step]
        assert {each.global_batch for each in step} == {sum(sizes)}
        assert min(sizes) >= min(2, batch // shards, count // shards)
        assert sum(sizes) < batch + 2 * shards
