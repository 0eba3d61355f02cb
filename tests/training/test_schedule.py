"""How many steps, epochs and nets of a rung there are."""

import pytest

from fbnet.params import PredictorParams, RetrainParams, SearchParams
from fbnet.training.schedule import cannot_decide, finalists, kept, lengthened, steps_of


def test_the_rate_of_nni_over_a_short_search_cannot_decide() -> None:
    short = SearchParams(nas_lr=0.01, epochs=16, warmup_epochs=5)
    reason = cannot_decide(short, 432)
    assert reason is not None and "raise it to" in reason
    assert cannot_decide(SearchParams(nas_lr=0.05, epochs=16, warmup_epochs=5), 432) is None


def test_few_faces_are_trained_for_more_epochs() -> None:
    search = SearchParams(epochs=10, warmup_epochs=2, batch=32, min_steps=1000)
    assert lengthened(search, 32 * 100) == search
    longer = lengthened(search, 32 * 20)
    assert (longer.epochs, longer.warmup_epochs) == (50, 10)
    retrain = RetrainParams(epochs=10, warmup_epochs=1.0, batch=32, min_steps=1000)
    assert lengthened(retrain, 32 * 100) == retrain
    longest = lengthened(retrain, 32 * 20)
    assert (longest.epochs, longest.warmup_epochs) == (50, 5.0)


@pytest.mark.parametrize("epochs", [1, 7, 96, 100])
@pytest.mark.parametrize("steps", [1, 5, 11, 28])
def test_the_least_epochs_that_reach_the_steps_are_taken(epochs: int, steps: int) -> None:
    retrain = RetrainParams(epochs=epochs, warmup_epochs=0.5, batch=8, min_steps=2200)
    longer = lengthened(retrain, 8 * steps)
    assert steps_of(8 * steps, 8) == steps
    assert longer.epochs == max(epochs, -(-2200 // steps))


def test_shares_of_nets_are_decimals() -> None:
    assert [kept(PredictorParams(keep=share), 100) for share in (0.07, 0.28, 0.5)] == [7, 28, 50]
    assert kept(PredictorParams(keep=0.28), 25) == 7
    assert kept(PredictorParams(keep=0.3), 1) == 1


def test_finalists_are_what_halving_leaves_and_what_is_proposed() -> None:
    p = PredictorParams(nets=25, keep=0.28, rungs=(2, 4, 8), rounds=2, top=3)
    assert finalists(p) == 2 + 6
