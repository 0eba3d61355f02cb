"""From the first job to tables and pictures, on a small space; and the front."""

from functools import partial

import cv2
import pytest

from benchmarks.core import Benchmark
from benchmarks.ranking import __main__ as command
from benchmarks.ranking import table
from fbnet.costs.lut import cost_of
from fbnet.errors import BadInput
from fbnet.files import read_json

SECTIONS = ("verdicts", "rank", "cost_error", "architectures", "front", "searches", "ablations")


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "DOCS", tmp_path)
    (tmp_path / "search.md").write_text(
        "".join(f"<!-- {name} -->\n<!-- end {name} -->\n" for name in SECTIONS)
    )
    return tmp_path / "search.md"


def test_run_and_table_and_then_nothing_again(given, plan, space, ledger, page, capsys):
    benchmark = Benchmark(
        "ranking", "", partial(command.jobs, plan=plan, space=space),
        partial(table.summary, plan=plan), command.options,
    )  # fmt: skip
    options = [f"--{name}={path}" for name, path in vars(given).items()]
    assert benchmark.main(["run", *options], ledger) == 0
    assert benchmark.main(["table"], ledger) == 0
    for name in ("cost_error.png", "front.png", "rank.png"):
        assert cv2.imread(str(ledger.folder / name)).std() > 0
        assert f"](records/{name})" in page.read_text()
    architectures = table.summary(ledger, plan).pages[page]["architectures"].splitlines()
    assert architectures[2].startswith("| searched | sep_k3 mb_k3 gh_k3 |")
    assert len(architectures) == 2 + 1 + 4
    assert len(table.summary(ledger, plan).pages[page]["ablations"].splitlines()) == 2 + 2 + 2
    figures = read_json(ledger.folder / "table.json")
    assert figures["supernet_ranks"]["with_both_seeds"] == 4
    assert "goal_reached" in figures["against_chance"] and figures["front"]["front"]

    before = {path: path.stat().st_mtime_ns for path in ledger.folder.glob("*/*.json")}
    assert benchmark.main(["run", *options], ledger) == 0
    assert {path: path.stat().st_mtime_ns for path in ledger.folder.glob("*/*.json")} == before
    sample = ledger.results()["sample"]["choices"]
    some = next(
        name
        for name, result in ledger.results("trainings/*-2").items()
        if result["choice"] == sample[0]
    )
    (ledger.folder / f"{some}.json").unlink()
    summary = table.summary(ledger, plan)
    verdicts = summary.pages[page]["verdicts"].splitlines()[2:4]
    assert all(line.endswith("| not known yet |") for line in verdicts)
    assert summary.figures["front"] is None and "front" not in summary.pages[page]


def test_tables_need_records(ledger, plan):
    with pytest.raises(BadInput, match="no record inherited; `run` comes first"):
        table.summary(ledger, plan)


def test_the_front_means_over_seeds(ledger, declared, plan, lut):
    """Errors fall with cost; the second seed is 0.02 worse."""
    sample = [("sep_k3", "mb_k3", "skip"), ("sep_k3", "mb_k3", "gh_k3")]
    chosen = [("sep_k3", "mb_k3", "mb_k3"), ("mb_k3_res", "gh_k3", "gh_k3")]
    jobs = declared()
    ledger.record(jobs["sample"], {"choices": sample})
    for budget, choice in zip(plan.budgets, chosen, strict=True):
        ledger.record(jobs[f"searches/budget_{budget:g}"], {"choice": choice})
    trainings = [j for j in declared().values() if j.name.startswith("trainings/")]
    for job in trainings:
        macs = cost_of(lut, job.setting["choice"])
        nme = 1e5 / macs + 0.02 * (job.setting["seed"] - 1)
        record = {"macs": macs, "val_nme": nme, "test_nme": nme + 0.01}
        ledger.record(job, record | {n: job.setting[n] for n in ("choice", "seed")})
    front = table.front(ledger, plan)
    assert front["seed_spread"] == pytest.approx(0.02 / 2**0.5)
    assert (len(front["sampled"]), len(front["searched"])) == (2, 2)
    for point in (*front["searched"], *front["sampled"]):
        assert point["val_nme"] == pytest.approx(1e5 / point["macs"] + 0.01)
        assert point["test_nme"] == pytest.approx(point["val_nme"] + 0.01)
