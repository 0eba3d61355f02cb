"""Processes beside this one: stop signals while they start, and their end with this one."""

import os
import signal
import subprocess
import sys

import pytest

from fbnet.errors import STOPPING
from fbnet.processes import Pool, stops_held_back
from tests.waiting import running, started, until

CHILD = "import signal; print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))"
OWNER = """
import os, signal, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup, which ignores it
from multiprocessing import resource_tracker
from fbnet.processes import Pool
if __name__ == "__main__":
    pool = Pool(1)
    print(pool.submit(os.getpid).result(), resource_tracker._resource_tracker._pid, flush=True)
    time.sleep(600)
"""


def ignore() -> None:
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)


def blocked() -> set[signal.Signals]:
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, []))


def test_what_starts_inside_is_deaf_to_stops_and_this_process_is_not() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with stops_held_back():
        done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True)
    assert all(each.name in done.stdout for each in STOPPING)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_a_process_of_the_pool_hears_again_once_it_has_begun() -> None:
    with Pool(1, ignore) as pool:
        assert not pool.submit(blocked).result() & set(STOPPING)
        process = pool.submit(os.getpid).result()
        os.kill(process, signal.SIGTERM)
        assert pool.submit(os.getpid).result() == process


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_pool_ends_with_the_process_that_opened_it(tmp_path) -> None:
    script = tmp_path / "owner.py"
    script.write_text(OWNER)
    with started([sys.executable, script], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        worker, tracker = map(int, owner.stdout.readline().split())
        with open(f"/proc/{tracker}/status") as stream:
            held_back = int(dict(line.split(":\t") for line in stream)["SigBlk"], 16)
        owner.kill()
    # It is Python's, and knows nothing of a hang-up, which a closed terminal sends to all.
    assert held_back >> (signal.SIGHUP - 1) & 1
    assert until(lambda: not running(worker))
