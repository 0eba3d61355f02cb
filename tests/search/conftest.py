"""A cost table and params for a search of a second."""

import pytest

from fbnet.costs.lut import Lut
from fbnet.params import SearchParams, SpaceParams
from tests.drawn import make_faces

__all__ = ["make_faces"]


@pytest.fixture(scope="session")
def lut(space: SpaceParams) -> Lut:
    """The first block of every layer is the cheapest by far."""
    layers = tuple(
        {block: 1.0 + 20.0 * (j > 0) for j, block in enumerate(ops)} for ops in space.layer_ops
    )
    return Lut(unit="ms", layers=layers, fixed=1.0, source="drawn")


@pytest.fixture
def params() -> SearchParams:
    """Three epochs, one of them warm-up."""
    return SearchParams(
        epochs=3,
        proxy_share=1.0,
        warmup_epochs=1,
        batch=16,
        arch_batch=4,
        nas_lr=1.5,
        augment=False,
        calibration_faces=16,
        candidates=2,
        min_steps=0,
    )
