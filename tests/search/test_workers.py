"""Where trainings run: here, or in processes whose loss is one line."""

import os
import signal

import pytest

from fbnet.errors import BadInput, Failure
from fbnet.search.workers import workers


def square(x):
    return x * x


def die(x):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_the_order_that_was_asked(count):
    with workers(count) as executor:
        assert list(executor.map(square, range(5))) == [0, 1, 4, 9, 16]


def test_a_killed_process_is_one_line():
    with pytest.raises(Failure, match=r"killed.*start again to resume"), workers(2) as executor:
        list(executor.map(die, range(4)))


def test_an_error_of_the_body_passes_through():
    with pytest.raises(RuntimeError, match="no luck"), workers(2) as executor:
        executor.submit(square, 2).result()
        raise RuntimeError("no luck")


def test_a_cluster_that_is_not_there_is_bad_input():
    with pytest.raises(BadInput, match=r"^search\.predictor\.scheduler: "), workers(1, "tcp://!"):
        pass
