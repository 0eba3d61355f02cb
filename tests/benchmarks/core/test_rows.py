"""Records as rows of one file: the same promises as records in files of their own."""

from dataclasses import replace

import pytest

from benchmarks.core.jobs import Job
from benchmarks.core.rows import RowLedger
from fbnet.errors import BadInput


@pytest.fixture
def ledger(tmp_path):
    return RowLedger(tmp_path / "records", tmp_path / "work")


def double(job, ledger):
    return {"value": job.setting["value"], "double": 2 * job.setting["value"]}


def fail(job, ledger):
    raise RuntimeError("no luck")


def job(name, value, work=double):
    return Job(name, {"value": value}, work)


@pytest.mark.parametrize("processes", [1, 2])
def test_every_job_leaves_its_row_in_order_of_the_names(ledger, processes):
    jobs = [job(name, value) for name, value in (("b/1", 2), ("a/2", 1), ("b/0", 3))]
    ledger.run(jobs, processes)
    assert (ledger.folder / "table.csv").read_text().splitlines() == [
        "job,value,double,digest",
        f"a/2,1,2,{jobs[1].digest}",
        f"b/0,3,6,{jobs[2].digest}",
        f"b/1,2,4,{jobs[0].digest}",
    ]
    assert [ledger.state(each) for each in jobs] == ["done"] * 3
    assert ledger.results("b/*") == {
        "b/0": {"value": "3", "double": "6"}, "b/1": {"value": "2", "double": "4"},
    }  # fmt: skip


def test_what_is_done_is_not_done_again_and_a_failure_leaves_the_rest(ledger):
    jobs = [job("0", 0), job("1", 1, fail)]
    with pytest.raises(RuntimeError, match="no luck"):
        ledger.run(jobs)
    assert [ledger.state(each) for each in jobs] == ["done", "missing"]
    ledger.run([replace(jobs[0], work=fail), replace(jobs[1], work=double)])
    assert [ledger.state(each) for each in jobs] == ["done", "done"]


def test_a_row_of_another_setting_is_stale_and_named(ledger):
    ledger.run([job("one", 1)])
    assert ledger.state(job("one", 2)) == "stale"
    with pytest.raises(BadInput, match=r"table\.csv: one is recorded with another setting"):
        ledger.run([job("one", 2)])
