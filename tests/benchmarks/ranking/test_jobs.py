"""A job is done once; an interrupted run goes on with what is missing."""

import pytest

from benchmarks.ranking.jobs import Job, results, run
from fbnet.files import read_json, write_json


def jobs(folder, works):
    return [Job(folder / f"{i}.json", work, ({"job": i},)) for i, work in enumerate(works)]


def fail(_):
    raise RuntimeError("killed")


@pytest.mark.parametrize("processes", [1, 2])
def test_every_job_leaves_its_file(tmp_path, processes):
    made = jobs(tmp_path, [dict] * 3)
    run(made, "jobs", processes)
    assert [read_json(job.path) for job in made] == [{"job": i} for i in range(3)]


def test_what_is_there_is_not_done_again(tmp_path, capsys):
    made = jobs(tmp_path, [fail, dict])
    write_json(made[0].path, {"job": "before"})
    run(made, "jobs")
    assert "1 of 2 are there already" in capsys.readouterr().out
    assert [job.result["job"] for job in made] == ["before", 1]


def test_an_interrupted_run_goes_on(tmp_path):
    made = jobs(tmp_path, [dict, fail, dict])
    with pytest.raises(RuntimeError, match="killed"):
        run(made, "jobs")
    by_name = {str(i): job for i, job in enumerate(made)}
    assert results(by_name) == {"0": {"job": 0}}
    run(jobs(tmp_path, [fail, dict, dict]), "jobs")
    assert results(by_name) == {str(i): {"job": i} for i in range(3)}
