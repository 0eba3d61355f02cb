"""Faces on the device: the batches of the CPU's path, whole or a part at a time."""

import numpy as np
import pytest
import torch

from fbnet.errors import BadInput
from fbnet.faces.faceset import FaceSet
from fbnet.params import AugmentParams
from fbnet.training.batches import Part, batches
from fbnet.training.resident import ResidentFaces, room

CPU = torch.device("cpu")


@pytest.mark.parametrize("capacity", [None, 20, 16])
@pytest.mark.parametrize("part", [Part(), Part(1, 2, 2)])
def test_without_augmentation_they_are_the_cpus_batches(
    faces: FaceSet, capacity: int | None, part: Part
) -> None:
    chosen = faces.indices("train")
    resident = ResidentFaces(faces, None, CPU, capacity=capacity)
    for epoch in (0, 1):
        ours = list(resident.batches(chosen, 16, seed=3, epoch=epoch, part=part))
        theirs = list(batches(faces, chosen, 16, seed=3, epoch=epoch, shuffle=True, part=part))
        assert len(ours) == len(theirs) == 3
        for a, b in zip(ours, theirs, strict=True):
            assert torch.equal(a.image, b.image) and torch.equal(a.landmarks, b.landmarks)
            assert torch.equal(a.pose, b.pose) and torch.equal(a.index, b.index)
            assert a.global_batch == b.global_batch
            assert a.image.is_contiguous(memory_format=torch.channels_last)


def test_draws_depend_on_seed_epoch_and_part_alone(faces: FaceSet) -> None:
    whole = Part()

    def images(resident: ResidentFaces, seed: int, epoch: int, part: Part = whole) -> np.ndarray:
        chosen = faces.indices("train")
        drawn = resident.batches(chosen, 16, seed=seed, epoch=epoch, part=part)
        return np.concatenate([batch.image.numpy() for batch in drawn])

    first, other = (ResidentFaces(faces, AugmentParams(), CPU) for _ in range(2))
    images(other, 1, 0)
    again = images(other, 1, 5)
    assert np.array_equal(images(first, 1, 5), again)
    assert not np.array_equal(images(first, 1, 6), again)
    assert not np.array_equal(images(first, 2, 5), again)
    # A process varies its faces otherwise than another one does.
    same = [images(first, 1, 5, Part(n, n + 1, 2))[0] for n in range(2)]
    assert not np.array_equal(*same)


def test_brightness_is_that_of_the_cpus_path(faces: FaceSet) -> None:
    chosen, params = faces.indices("train"), AugmentParams()
    resident = ResidentFaces(faces, params, CPU)
    ours, theirs = [], []
    for epoch in range(20):
        ours += [b.image for b in resident.batches(chosen, 44, seed=0, epoch=epoch)]
        theirs += [
            b.image
            for b in batches(faces, chosen, 44, seed=0, epoch=epoch, augment=params, shuffle=True)
        ]
    a, b = torch.cat(ours), torch.cat(theirs)
    assert a.mean().item() == pytest.approx(b.mean().item(), rel=0.03)
    assert a.std().item() == pytest.approx(b.std().item(), rel=0.03)


def test_a_batch_that_does_not_fit_is_refused(faces: FaceSet) -> None:
    resident = ResidentFaces(faces, None, CPU, capacity=7)
    with pytest.raises(BadInput, match=r"16 faces of a batch do not fit .* 7 do"):
        next(resident.batches(faces.indices("train"), 16, seed=3, epoch=0))


def test_the_larger_of_uneven_shards_is_what_must_fit(faces: FaceSet) -> None:
    resident = ResidentFaces(faces, None, CPU, capacity=8)
    with pytest.raises(BadInput, match="9 faces of a batch do not fit"):
        next(resident.batches(faces.indices("train"), 17, seed=3, epoch=0, part=Part(0, 1, 2)))


def test_all_faces_fit_where_there_is_no_gpu(faces: FaceSet) -> None:
    assert room(faces, CPU) == len(faces.images)
