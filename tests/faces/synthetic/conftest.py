"""The asset, loaded once."""

from pathlib import Path

import pytest

from fbnet.faces import synthetic

DATA = Path(__file__).parents[3] / "data"


@pytest.fixture(scope="session")
def head() -> synthetic.Head:
    return synthetic.load_head(DATA)
