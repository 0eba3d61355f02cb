"""The device's augmentation against the CPU's: the same geometry, the same distribution."""

import cv2
import numpy as np
import pytest
import torch

from fbnet.faces.crop import affine_matrix, warp_image, warp_points
from fbnet.landmarks import SCHEMES
from fbnet.params import AugmentParams
from fbnet.training.augment import augment
from fbnet.training.device_augment import UNIFORM_DRAWS, DeviceAugment

SIZE, MARGIN, POINTS, FACES = 48, 10, 68, 400
SIDE = SIZE + 2 * MARGIN
NOTHING = AugmentParams(
    rotate=0, shift=0, scale=0, mirror=0, brightness=0, contrast=0, colour=0, grey=0, blur=0,
    noise=0, jpeg=0, occlude=0,
)  # fmt: skip
CPU = torch.device("cpu")


def device_augment(**changes: float) -> DeviceAugment:
    params = NOTHING.model_copy(update=changes)
    return DeviceAugment(params, SCHEMES[POINTS], SIZE, MARGIN, CPU)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Smooth pictures, as photographs are: uint8 [FACES, SIDE, SIDE, 3]."""
    draws = np.random.default_rng(0)
    small = draws.integers(0, 256, (FACES, 6, 6, 3), dtype=np.uint8)
    return np.stack([cv2.resize(p, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for p in small])


@pytest.fixture(scope="module")
def landmarks() -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 1, (FACES, POINTS, 2)).astype(np.float32)


def test_geometry_equals_the_cpus_for_the_same_draws(pictures, landmarks):
    p = {"rotate": 25.0, "shift": 0.08, "scale": 0.12, "mirror": 0.5}
    ours, draws = device_augment(**p), torch.rand(64, 5, generator=torch.Generator().manual_seed(0))
    matrix, flip, angle = ours.placement(draws)
    moved = ours.move(torch.from_numpy(landmarks[:64]), matrix)
    crops = ours.warp(torch.from_numpy(pictures[:64]), matrix)
    for row, d in enumerate(draws.double().numpy()):
        turn = float(np.radians(25.0) * (2 * d[1] - 1))
        flipped = bool(d[0] < 0.5)
        expected = affine_matrix(
            SIZE, MARGIN, turn, 1 + 0.12 * (2 * d[2] - 1), 0.08 * (2 * d[3:] - 1), flipped
        )
        np.testing.assert_allclose(matrix[row], expected, atol=2e-4)
        assert bool(flip[row]) == flipped and float(angle[row]) == pytest.approx(turn, abs=1e-5)
        np.testing.assert_allclose(
            moved[row], warp_points(landmarks[row], expected, SIZE, MARGIN), atol=1e-5
        )
        seen = warp_image(pictures[row], expected, SIZE).astype(float).transpose(2, 0, 1)
        # OpenCV rounds source places to 1/32 pixel.
        assert np.abs(crops[row].numpy() - seen).mean() < 1.0


def test_without_strengths_it_is_the_inner_crop(pictures, landmarks):
    image, points, pose = device_augment()(
        torch.from_numpy(pictures[:5]), torch.from_numpy(landmarks[:5]), torch.ones(5, 3)
    )
    inner = pictures[:5, MARGIN:-MARGIN, MARGIN:-MARGIN].transpose(0, 3, 1, 2)
    np.testing.assert_array_equal((image * 255).round().numpy(), inner)
    np.testing.assert_allclose(points, landmarks[:5], atol=1e-6)
    assert torch.equal(pose, torch.ones(5, 3))
    assert image.is_contiguous(memory_format=torch.channels_last)


def test_a_flip_renumbers_points_and_turns_the_pose(pictures, landmarks):
    batch = torch.from_numpy(pictures[:3]), torch.from_numpy(landmarks[:3])
    image, points, pose = device_augment(mirror=1.0)(*batch, torch.tensor([[0.1, 0.2, 0.3]] * 3))
    inner = pictures[:3, MARGIN:-MARGIN, MARGIN:-MARGIN][:, :, ::-1].transpose(0, 3, 1, 2)
    np.testing.assert_array_equal((image * 255).round().numpy(), inner)
    expected = landmarks[:3][:, list(SCHEMES[POINTS].mirror)] * (-1, 1) + (1, 0)
    np.testing.assert_allclose(points, expected, atol=1e-6)
    np.testing.assert_allclose(pose[0], [0.1, -0.2, -0.3], atol=1e-6)


STEPS = {
    "geometry": {"rotate": 20.0, "shift": 0.07, "scale": 0.1, "mirror": 0.5},
    "tone": {"brightness": 0.15, "contrast": 0.2, "colour": 0.1},
    "grey": {"grey": 0.5},
    "blur": {"blur": 1.0},
    "noise": {"noise": 1.0},
    "jpeg": {"jpeg": 1.0},
    "occlude": {"occlude": 1.0},
    "all": dict(AugmentParams()),
}


def figures(crops: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Moments of crops [n, 3, S, S] in grey levels: of values, of detail, of the change."""
    change = crops - inner
    detail = np.diff(crops, axis=3)
    spread = crops.std(axis=1)
    return np.array(
        [crops.mean(), crops.std(), np.abs(detail).mean(), detail.std(), spread.mean(),
         np.abs(change).mean(), change.std(), crops.mean((1, 2, 3)).std()]
    )  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_its_distribution_is_the_cpus(step, pictures, landmarks):
    params = NOTHING.model_copy(update=STEPS[step])
    inner = pictures[:, MARGIN:-MARGIN, MARGIN:-MARGIN].transpose(0, 3, 1, 2).astype(float)
    cpu = np.stack(
        [
            augment(
                picture, points, np.zeros(3), np.random.default_rng([7, row]), params,
                SCHEMES[POINTS], SIZE, MARGIN,
            )[0]
            for row, (picture, points) in enumerate(zip(pictures, landmarks, strict=True))
        ]
    ).transpose(0, 3, 1, 2)  # fmt: skip
    ours = DeviceAugment(params, SCHEMES[POINTS], SIZE, MARGIN, CPU)
    batch = torch.from_numpy(pictures), torch.from_numpy(landmarks), torch.zeros(FACES, 3)
    device = ours(*batch, torch.Generator().manual_seed(3))[0].numpy() * 255
    expected, actual = figures(cpu.astype(float), inner), figures(device.astype(float), inner)
    np.testing.assert_array_less(np.abs(actual - expected) / np.maximum(np.abs(expected), 2.0), 0.1)


@pytest.mark.parametrize("quality", [20, 45, 70])
def test_compression_loses_what_jpeg_loses(quality, pictures):
    crops = np.ascontiguousarray(pictures[:20, MARGIN:-MARGIN, MARGIN:-MARGIN])
    codes = [cv2.imencode(".jpg", c, (cv2.IMWRITE_JPEG_QUALITY, quality))[1] for c in crops]
    theirs = np.stack([cv2.imdecode(c, cv2.IMREAD_COLOR) for c in codes]).astype(float)
    planes = torch.from_numpy(crops).permute(0, 3, 1, 2).float()
    ours = device_augment().compress(planes, torch.full((20,), float(quality)))
    ours = ours.clamp(0, 255).permute(0, 2, 3, 1).numpy()
    loss = np.abs(theirs - crops).mean()
    assert np.abs(ours - crops).mean() == pytest.approx(loss, rel=0.15)
    assert np.abs(ours - theirs).mean() < 0.5 * loss


def test_draws_depend_on_the_generator_alone():
    ours = device_augment()
    first, again = (ours.draws(4, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, again) and first.shape == (4, UNIFORM_DRAWS)
