"""A job is done once, by one process; a run that was interrupted resumes with what is missing."""

import multiprocessing
import os
import signal
from dataclasses import replace

import pytest

from benchmarks.core.jobs import Job
from benchmarks.core.ledger import Ledger
from fbnet.errors import BadInput
from fbnet.files import read_json
from tests.waiting import until


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "records", tmp_path / "work")


def note(job, ledger):
    """Leave a line for each time that a job is run."""
    ledger.work.mkdir(parents=True, exist_ok=True)
    with open(ledger.work / "log", "a") as log:
        log.write(f"{job.name}\n")
    return {"name": job.name, **job.setting}


def add(job, ledger):
    """The sum of what it needs, in a file too."""
    total = sum(ledger.result(need)["value"] for need in job.needs)
    ledger.file(job).parent.mkdir(parents=True, exist_ok=True)
    ledger.file(job).write_text(str(total))
    return note(job, ledger) | {"value": total}


def fail(job, ledger):
    raise RuntimeError("no luck")


def die(job, ledger):
    os.kill(os.getpid(), signal.SIGKILL)


def meet(job, ledger):
    """Ends when another job has begun, too, in another process."""
    ledger.work.mkdir(parents=True, exist_ok=True)
    (ledger.work / f"begun{job.name}").touch()
    assert until(lambda: len(list(ledger.work.glob("begun*"))) == 2)
    return note(job, ledger)


def single(name, value=1, work=note):
    return Job(name, {"value": value}, work)


def log(ledger):
    return (ledger.work / "log").read_text().split()


@pytest.mark.parametrize("processes", [1, 2])
def test_every_job_leaves_its_record_and_is_not_done_again(ledger, processes):
    jobs = [single(f"a/{i}", i) for i in range(3)]
    ledger.run(jobs, processes)
    assert sorted(log(ledger)) == ["a/0", "a/1", "a/2"]
    assert [ledger.state(job) for job in jobs] == ["done"] * 3
    record = read_json(ledger.folder / "a/1.json")
    assert record["setting"] == {"value": 1} and record["digest"] == jobs[1].digest
    assert ledger.results("a/[12]") == {
        "a/1": {"name": "a/1", "value": 1}, "a/2": {"name": "a/2", "value": 2},
    }  # fmt: skip
    ledger.run(jobs, processes)
    assert len(log(ledger)) == 3


def test_a_run_resumes_after_a_failure(ledger):
    jobs = [single("0"), single("1", work=fail), single("2")]
    with pytest.raises(RuntimeError, match="no luck"):
        ledger.run(jobs)
    assert [ledger.state(job) for job in jobs] == ["done", "missing", "missing"]
    ledger.run([replace(job, work=note) for job in jobs])
    assert log(ledger) == ["0", "1", "2"]


def test_a_killed_process_loses_its_own_job_only(ledger):
    jobs = [single("0"), single("1", work=die), single("2")]
    with pytest.raises(BadInput, match=r"was killed while at .* run again to resume"):
        ledger.run(jobs, 2)
    assert ledger.state(jobs[1]) == "missing"
    ledger.run([replace(job, work=note) for job in jobs], 2)
    assert sorted(ledger.results()) == ["0", "1", "2"]


def test_needs_come_first_and_their_settings_count(ledger):
    one, two = single("one", 1), single("two", 2)
    total = Job("total", {}, add, needs=(one, two), leaves=".txt")
    ledger.run([total], 2)
    assert log(ledger)[-1] == "total" and ledger.result(total)["value"] == 3
    other = replace(total, needs=(one, single("two", 3)))
    assert other.digest != total.digest
    with pytest.raises(BadInput, match=r"another setting \(of a job that it needs"):
        ledger.result(other)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_lost_file_is_made_again_where_it_is_needed_and_the_record_stays(ledger, processes):
    one = single("one", 1)
    first = Job("first", {}, add, needs=(one,), leaves=".txt")
    ledger.run([first])
    ledger.file(first).unlink()
    published = ledger.path(first).read_text().replace('"value": 1', '"value": 7', 1)
    ledger.path(first).write_text(published)
    ledger.run([first])
    assert log(ledger) == ["one", "first"]
    second = Job("second", {}, add, needs=(first,), leaves=".txt")
    ledger.run([second], processes)
    assert log(ledger) == ["one", "first", "first", "second"]
    assert ledger.file(first).exists()
    assert ledger.path(first).read_text() == published


def test_a_record_of_another_setting_is_stale_and_named(ledger):
    ledger.run([single("one", 1)])
    changed = single("one", 2)
    assert ledger.state(changed) == "stale"
    with pytest.raises(BadInput, match=r"one\.json: one is .* with another setting \(value\)"):
        ledger.run([changed])


def test_two_runs_share_the_jobs(ledger):
    jobs = [single(str(i), work=meet) for i in range(2)]
    context = multiprocessing.get_context("spawn")
    other = context.Process(target=ledger.run, args=(jobs,))
    other.start()
    ledger.run(jobs)
    other.join()
    assert other.exitcode == 0
    assert sorted(log(ledger)) == ["0", "1"]


def test_the_digest_is_that_of_setting_and_needs_alone(tmp_path):
    job = single("a", 1)
    assert replace(job, name="b", inputs=tmp_path).digest == job.digest
    assert single("a", 2).digest != job.digest
