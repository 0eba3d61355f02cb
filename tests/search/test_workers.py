"""Where trainings run: here, or in processes whose loss is one line."""

import os
import signal

import pytest
from distributed import LocalCluster

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


def die_once(place, x):
    """Kills its worker the first time that anybody asks for x."""
    seen = place / str(x)
    if x == 1 and not seen.exists():
        seen.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return x * x


@pytest.fixture
def cluster():
    """Two Dask workers, processes of one thread each."""
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as started:
        yield started.scheduler_address


def test_a_cluster_does_a_lost_worker_s_job_again(cluster, tmp_path):
    with workers(1, cluster) as executor:
        results = executor.map(die_once, [tmp_path] * 4, range(4))
        assert list(results) == [0, 1, 4, 9]
    assert (tmp_path / "1").exists()
