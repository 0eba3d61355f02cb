"""A small net with all that matters to the export: batch norm, h-sigmoid, two outputs."""

import numpy as np
import pytest
import torch
from torch import nn

from fbnet.export.onnx import export_onnx
from fbnet.faces.faceset import FaceSet

SIZE, POINTS, MARGIN = 32, 68, 6


class SmallNet(nn.Module):
    """[N,3,32,32] -> (landmarks [N,68,2], feature)."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True)
        )
        self.depthwise = nn.Sequential(
            nn.Conv2d(8, 8, 3, 2, 1, groups=8, bias=False), nn.BatchNorm2d(8)
        )
        self.gate = nn.Conv2d(8, 8, 1)
        self.head = nn.Conv2d(8, 2 * POINTS, 8)

    def forward(self, x):
        feature = self.depthwise(self.stem(x))
        gated = feature * nn.functional.hardsigmoid(self.gate(feature))
        return self.head(gated).reshape(-1, POINTS, 2), feature


@pytest.fixture(scope="session")
def net():
    """SmallNet whose batch-norm statistics have moved."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = SmallNet().train()
        net(torch.rand(8, 3, SIZE, SIZE))
    return net


@pytest.fixture(scope="session")
def exported(net):
    """Its ONNX file."""
    return export_onnx(net, SIZE, POINTS, {"commit": "abc", "points": "68"})


@pytest.fixture(scope="session")
def images():
    """Seven uint8 crops."""
    draws = np.random.default_rng(0)
    return draws.integers(0, 256, (7, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def faces():
    """24 random faces, half of them test."""
    draws, count, side = np.random.default_rng(1), 24, SIZE + 2 * MARGIN
    return FaceSet(
        images=draws.integers(0, 256, (count, side, side, 3), dtype=np.uint8),
        landmarks=draws.uniform(0, 1, (count, POINTS, 2)).astype(np.float32),
        pose=draws.uniform(-1, 1, (count, 3)).astype(np.float32),
        split=np.array([0, 2] * (count // 2), np.uint8),
        names=[f"face_{i}" for i in range(count)],
        groups=[str(i) for i in range(count)],
        size=SIZE,
        margin=MARGIN,
        layout="nni",
        source="test",
    )
